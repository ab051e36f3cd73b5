/** Nanoseconds in buckets of a sixteenth of a power of two, as in tools.h. */
final class Histogram {
    private final long[] buckets = new long[64 * 16];

    void add(long ns) {
        if (ns < 16) {
            buckets[(int) Math.max(ns, 0)]++;
            return;
        }
        int shift = 59 - Long.numberOfLeadingZeros(ns);
        buckets[(shift + 1) * 16 + (int) ((ns >> shift) & 15)]++;
    }

    void merge(Histogram other) {
        for (int i = 0; i < buckets.length; i++) {
            buckets[i] += other.buckets[i];
        }
    }

    double quantile(double part) {
        long total = 0;
        for (long count : buckets) {
            total += count;
        }
        long below = 0;
        for (int i = 0; i < buckets.length; i++) {
            below += buckets[i];
            if (below > 0 && below >= part * total) {
                return i < 16 ? i : Math.scalb(16.5 + i % 16, i / 16 - 1);
            }
        }
        return 0;
    }
}
