import com.zaxxer.hikari.HikariDataSource;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** 50 threads at once, five connections open; opening one takes 150 ms, using one 2 ms. */
final class Spike {
    private static final int THREADS = 50;

    private final Stub stub = new Stub();
    private final HikariDataSource pool = Hikari.poolOf(stub, 5, 50);
    private final AtomicInteger busy = new AtomicInteger();
    private final AtomicInteger waiting = new AtomicInteger();
    private final CountDownLatch go = new CountDownLatch(1);
    private final CountDownLatch left = new CountDownLatch(THREADS);
    private volatile long begin;
    private volatile long doneNs;

    private void request() {
        try {
            go.await();
            waiting.incrementAndGet();
            java.sql.Connection connection = pool.getConnection();
            waiting.decrementAndGet();
            busy.incrementAndGet();
            Thread.sleep(2);
            busy.decrementAndGet();
            connection.close();
            left.countDown();
            if (left.getCount() == 0) {
                doneNs = System.nanoTime() - begin;
            }
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private String sample(int ms) throws Exception {
        StringBuilder curve = new StringBuilder();
        for (double at = 0; at < ms; at = (System.nanoTime() - begin) / 1e6) {
            curve.append(String.format(Locale.ROOT, "%s[%.1f, %d, %d, %d]",
                                       curve.length() > 0 ? ", " : "", at, stub.open(),
                                       busy.get(), waiting.get()));
            Thread.sleep(4);
        }
        return curve.toString();
    }

    String run(int ms) throws Exception {
        while (stub.open() < 5) {
            Thread.sleep(5);
        }
        stub.openMs = 150;
        for (int i = 0; i < THREADS; i++) {
            new Thread(this::request).start();
        }
        Thread.sleep(100); /* all of them stand at the gate */
        begin = System.nanoTime();
        go.countDown();
        String curve = sample(ms);
        String answer = String.format(Locale.ROOT,
                                      "{\"end_size\": %d, \"opened\": %d, \"done_ms\": %.1f, "
                                          + "\"curve\": [%s]}",
                                      stub.open(), stub.opened.get() - 5, doneNs / 1e6, curve);
        pool.close();
        return answer;
    }
}
