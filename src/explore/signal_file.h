/* Signal file: signalfd.  The descriptor is a counter of the kernel's, above zero while one of its signals is pending,
 * so that poll and its kin see it; what is read comes from the runtime. */
#ifndef LG_EXPLORE_SIGNAL_FILE_H
#define LG_EXPLORE_SIGNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Its signals, as bits; 0: it is none. */
uint64_t lg__signal_file_bits(int descriptor);

/* Whether there is one at all. */
bool lg__signal_file_is_any(void);

/* What is pending has changed. */
void lg__signal_file_update(void);

/* read(2) of one. */
ssize_t lg__signal_file_read(int descriptor, void *buffer, size_t size, uint64_t site);

/* It is no more, if it is one. */
void lg__signal_file_close(int descriptor);

#endif
