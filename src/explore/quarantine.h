/* Quarantine: freed blocks of the heap, on their way to be used again.
 *
 * The longer a freed block is not used, the surer is a late access to it found; but a program that goes on
 * allocating must not use up the machine.  So a thread whose first piece of the heap is used up gets its own
 * blocks back, those of one size in the order in which they were freed, as soon as there are many of them. */
#ifndef LG_EXPLORE_QUARANTINE_H
#define LG_EXPLORE_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before the fork.  False: not enough address space. */
bool lg__quarantine_reserve(void);

/* What a block of this size takes, so that it may be another's later. */
size_t lg__quarantine_room(size_t size);

/* A block of a thread, by index, was freed; its first word is used from now on. */
void lg__quarantine_enter(uint32_t thread, size_t room, void *memory);

/* The oldest with so much room; NULL: it is too early. */
void *lg__quarantine_leave(uint32_t thread, size_t room);

/* The same for blocks that have pages of their own, `size` bytes in full pages, with one more before them
 * that is free for the use here.  They are no thread's. */
void lg__quarantine_enter_large(void *memory, size_t size);
void *lg__quarantine_leave_large(size_t size);

#endif
