/* Panic: what happens when a rule is broken that the program cannot go on soundly without. */
#ifndef LG_PLAT_PANIC_H
#define LG_PLAT_PANIC_H

/* Call the handler of lg_panic_set, then abort.  Never call it with a raw lock held: a test's
 * handler leaves with longjmp. */
_Noreturn void lg__panic(const char *rule, const char *object);

#endif
