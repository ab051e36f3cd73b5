/* Start: where the runtime comes between libc and the program's main. */
#include "explore/start.h"
#include "explore/caller.h"
#include "explore/campaign.h"
#include "explore/fail.h"
#include "explore/intercept.h"

#include <dlfcn.h>

static int (*program_main)(int, char **, char **);
static void (*run_destructors)(void);
static bool is_instrumented;

bool lg__start_is_instrumented(void)
{
    return is_instrumented;
}

LG__EXPORT void __tsan_init(void);

/* Called by a constructor of each file that was compiled with the instrumentation. */
void __tsan_init(void)
{
    is_instrumented = true;
    lg__caller_look();
}

static __attribute__((constructor(101))) void begin(void)
{
    if (getenv("LIFEGUARD_EXPLORE"))
        lg__fail_watch_exit();
}

/* The environment lies above main's frame, and is another in a replay: go down to where both end up. */
#define STACK_STEP ((uintptr_t)1 << 18)

static int run_main(int argc, char **argv, char **environment)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    char *room = __builtin_alloca(here & (STACK_STEP - 1));
    __asm__ volatile("" : : "r"(room) : "memory");
    return program_main(argc, argv, environment);
}

static int enter_main(int argc, char **argv, char **environment)
{
    static struct lg__options options;
    if (!lg__options_read(&options))
        return program_main(argc, argv, environment);
    lg__campaign_begin(&options, argv);
    int status = run_main(argc, argv, environment);
    lg__fail_point_at_exit(status);
    return status;
}

/* In the loader's place, which libc calls behind all handlers but the earliest. */
static void finish(void)
{
    lg__fail_pass_destructors();
    run_destructors();
}

typedef int start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
                       void (*)(void), void *);

LG__EXPORT start_main __libc_start_main;

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
    start_main *real;
    *(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
    program_main = main;
    run_destructors = loader_fini;
    return real(enter_main, argc, argv, init, fini, loader_fini ? finish : NULL, stack_end);
}
