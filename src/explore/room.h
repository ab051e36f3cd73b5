/* Room: the address space of a run's own, one mapping that is made before the fork and not touched there.
 *
 *     ... | stack and heap of thread 2 | stack and heap of thread 1 | what is taken, with main's heap ...
 *
 * What a run writes to first lies side by side, because page tables cost: the kernel makes, walks and frees each
 * that a run has touched, and one is for two megabytes.  A thread's stack ends where its piece of the heap
 * begins, and arrays that are long but seldom used far grow away from each other. */
#ifndef LG_EXPLORE_ROOM_H
#define LG_EXPLORE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LG__ROOM_STACK ((size_t)9 << 20)
#define LG__ROOM_PIECE ((size_t)1 << 20)
#define LG__ROOM_NEAR  ((size_t)512 << 10)

/* What lies one behind the other: variables, main's piece, memory, threads.  One page table is for the end of the
 * first, the second, the third, and the begin of the last. */
struct lg__room {
    char *variables_end; /* they grow downwards */
    char *memory_end;    /* LG__ROOM_NEAR bytes before it */
    char *threads;
};

extern struct lg__room lg__room __attribute__((visibility("hidden")));

/* For so many bytes of variables and of threads.  False: there is not enough address space. */
bool lg__room_reserve(size_t variables, size_t threads);

/* Where a thread's stack, or its piece of the heap, begins.  Main's stack is the process's. */
char *lg__room_stack(uint32_t thread);
char *lg__room_piece(uint32_t thread);

/* The piece, or NULL, that an address is in. */
char *lg__room_piece_at(uintptr_t address);

#endif
