/* The machine: memory behind store buffers (total store order, as x86 has it).
 *
 * A plain store goes into the FIFO of the process that made it.  A load looks into its own FIFO
 * first, the youngest entry first, then into memory.  The process Drain moves the oldest entry of
 * any FIFO to memory, at any time.  A seq_cst exchange or compare-and-swap acts on memory itself and
 * only once its own FIFO is empty.  It waits for Drain to empty it, which comes to the same as
 * draining it by itself.
 *
 * The includer defines N (contexts are 1..N, nobody is 0) and CELLS.  All macros act for the
 * process whose variable `me` is in scope. */

typedef Fifo {
    byte n;       /* entries in use, oldest first */
    byte cell[2];
    byte value[2]
};

byte mem[CELLS];
Fifo fifo[N + 1];

#define LOAD(a)                                                                     \
    ((fifo[me].n == 2 && fifo[me].cell[1] == (a)) -> fifo[me].value[1] :            \
    ((fifo[me].n >= 1 && fifo[me].cell[0] == (a)) -> fifo[me].value[0] : mem[a]))

/* True when a full barrier lets this process pass. */
#define DRAINED (fifo[me].n == 0)

inline store(a, x)
{
    d_step {
        fifo[me].n < 2 ->
        fifo[me].cell[fifo[me].n] = a;
        fifo[me].value[fifo[me].n] = x;
        fifo[me].n++
    }
}

inline exchange(a, x)
{
    d_step { DRAINED -> mem[a] = x }
}

/* ok says whether cell a held `old` and now holds `new`. */
inline cas(a, old, new, ok)
{
    d_step {
        DRAINED ->
        if
        :: mem[a] == old -> mem[a] = new; ok = 1
        :: else -> ok = 0
        fi
    }
}

#define DRAIN(p)                                       \
    d_step {                                           \
        fifo[p].n > 0 ->                               \
        mem[fifo[p].cell[0]] = fifo[p].value[0];       \
        fifo[p].cell[0] = fifo[p].cell[1];             \
        fifo[p].value[0] = fifo[p].value[1];           \
        fifo[p].cell[1] = 0;                           \
        fifo[p].value[1] = 0;                          \
        fifo[p].n--;                                   \
        if                                             \
        :: fifo[p].n == 0 -> fifo[p].cell[0] = 0; fifo[p].value[0] = 0 \
        :: else                                        \
        fi                                             \
    }

proctype Drain()
{
end:
    do
    :: DRAIN(1)
    :: DRAIN(2)
#if N >= 3
    :: DRAIN(3)
#endif
    od
}
