import java.util.Arrays;
import java.util.concurrent.CyclicBarrier;
import javax.sql.DataSource;

/** Threads that stay for many turns, so that what the pool keeps for each thread stays warm. */
final class Crew {
    private final int count;
    private final int hold; /* iterations of spin */
    private final DataSource pool;
    private final CyclicBarrier start;
    private final CyclicBarrier end;
    private final Histogram[] turns;
    private final long[] done;
    private final long[] begun;
    private volatile boolean stop;
    /* Of all turns so far. */
    private final long[] totals;
    final Histogram waits = new Histogram();

    private static volatile long sink;
    private static double spinNs = 1;

    Crew(DataSource pool, int count, int holdNs) {
        this.pool = pool;
        this.count = count;
        this.hold = (int) (holdNs / spinNs);
        start = new CyclicBarrier(count + 1);
        end = new CyclicBarrier(count + 1);
        turns = new Histogram[count];
        done = new long[count];
        begun = new long[count];
        totals = new long[count];
        for (int i = 0; i < count; i++) {
            final int index = i;
            Thread thread = new Thread(() -> work(index));
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static long spin(int iterations) {
        long x = iterations;
        for (; iterations > 0; iterations--) {
            x = x * 6364136223846793005L + 1;
        }
        return x;
    }

    static void measureSpin() {
        double best = 1e9;
        for (int i = 0; i < 2000; i++) {
            long begin = System.nanoTime();
            sink = spin(20000);
            best = Math.min(best, (System.nanoTime() - begin) / 20000.0);
        }
        spinNs = best;
    }

    private void work(int index) {
        try {
            for (;;) {
                start.await();
                begun[index] = System.nanoTime();
                Histogram waits = new Histogram();
                done[index] = pairs(waits);
                turns[index] = waits;
                end.await();
            }
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private long pairs(Histogram waits) throws Exception {
        long done = 0;
        long spun = 0;
        for (; !stop; done++) {
            java.sql.Connection connection;
            if (done % 8 == 0) {
                long begin = System.nanoTime();
                connection = pool.getConnection();
                waits.add(System.nanoTime() - begin);
            } else {
                connection = pool.getConnection();
            }
            if (hold > 0) {
                spun += spin(hold);
            }
            connection.close();
        }
        sink = spun;
        return done;
    }

    /** One turn of all threads; operations a second. */
    double run(int ms) throws Exception {
        stop = false;
        start.await();
        Thread.sleep(ms);
        stop = true;
        long stopped = System.nanoTime();
        end.await();
        /* The first to begin, not this thread: it may be the last to run of all that were woken. */
        long elapsed = stopped - Arrays.stream(begun).min().getAsLong();
        long sum = 0;
        for (int i = 0; i < count; i++) {
            sum += done[i];
            totals[i] += done[i];
            waits.merge(turns[i]);
        }
        return sum * 1e9 / elapsed;
    }

    double share() {
        long most = Arrays.stream(totals).max().getAsLong();
        return most > 0 ? (double) Arrays.stream(totals).min().getAsLong() / most : 0;
    }
}
