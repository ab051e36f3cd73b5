import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * HikariCP over a database that does nothing; outsider.h has the questions.
 *
 *     echo 'pool 8 0 1000' | build/bench/peers/hikari
 */
public final class Hikari {
    private static final int CAPACITY = 8;

    private static final Map<String, Crew> crews = new HashMap<>();

    static HikariDataSource poolOf(Stub stub, int least, int most) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(stub);
        config.setMinimumIdle(least);
        config.setMaximumPoolSize(most);
        return new HikariDataSource(config);
    }

    private static HikariDataSource fullPool() throws Exception {
        Stub stub = new Stub();
        HikariDataSource pool = poolOf(stub, CAPACITY, CAPACITY);
        while (stub.open() < CAPACITY) {
            Thread.sleep(5);
        }
        return pool;
    }

    /* The compiler has seen the loop, alone and contended, before the first turn that counts. */
    private static void warmUp(HikariDataSource pool) throws Exception {
        Crew.measureSpin();
        new Crew(pool, 1, 0).run(1500);
        new Crew(pool, 2, 1000).run(500);
        new Crew(pool, 8, 0).run(500);
    }

    private static String answerPool(HikariDataSource pool, String[] words) throws Exception {
        int threads = Integer.parseInt(words[1]);
        int holdNs = Integer.parseInt(words[2]);
        Crew crew = crews.computeIfAbsent(words[1] + " " + words[2],
                                          key -> new Crew(pool, threads, holdNs));
        double throughput = crew.run(Integer.parseInt(words[3]));
        return String.format(Locale.ROOT,
                             "{\"throughput\": %.0f, \"p50_ns\": %.0f, \"p99_ns\": %.0f, "
                                 + "\"p999_ns\": %.0f, \"share\": %.4f}",
                             throughput, crew.waits.quantile(0.5), crew.waits.quantile(0.99),
                             crew.waits.quantile(0.999), crew.share());
    }

    private static String answerAlone(HikariDataSource pool, String[] words) throws Exception {
        Crew crew = crews.computeIfAbsent("alone", key -> new Crew(pool, 1, 0));
        return String.format(Locale.ROOT, "{\"ns_a_pair\": %.3f}",
                             1e9 / crew.run(Integer.parseInt(words[1])));
    }

    private static String answer(HikariDataSource pool, String[] words) throws Exception {
        if (words[0].equals("pool")) {
            return answerPool(pool, words);
        } else if (words[0].equals("alone")) {
            return answerAlone(pool, words);
        } else if (words[0].equals("spike")) {
            return new Spike().run(Integer.parseInt(words[1]));
        }
        return "{}";
    }

    public static void main(String[] args) throws Exception {
        HikariDataSource pool = fullPool();
        warmUp(pool);
        System.out.printf("{\"peer\": \"HikariCP\", \"version\": \"%s, Java %s\"}%n",
                          args.length > 0 ? args[0] : "?", System.getProperty("java.version"));
        System.out.flush();
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = questions.readLine()) != null;) {
            System.out.println(answer(pool, line.split(" ")));
            System.out.flush();
        }
        pool.close();
        System.exit(0);
    }
}
