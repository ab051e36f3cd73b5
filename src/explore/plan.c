#include "explore/plan.h"

const char *lg__event_name(enum lg__event_kind kind)
{
    static const char *const names[LG__EVENT_COUNT] = {
        [LG__EVENT_NONE] = "nothing",
        [LG__EVENT_READ] = "read",
        [LG__EVENT_WRITE] = "write",
        [LG__EVENT_ATOMIC_READ] = "atomic-read",
        [LG__EVENT_ATOMIC_WRITE] = "atomic-write",
        [LG__EVENT_LOCK] = "lock",
        [LG__EVENT_UNLOCK] = "unlock",
        [LG__EVENT_WAIT] = "wait",
        [LG__EVENT_SIGNAL] = "signal",
        [LG__EVENT_CREATE] = "create",
        [LG__EVENT_BEGIN] = "begin",
        [LG__EVENT_JOIN] = "join",
        [LG__EVENT_END] = "end",
        [LG__EVENT_EXIT] = "exit",
        [LG__EVENT_SLEEP] = "sleep",
        [LG__EVENT_YIELD] = "yield",
        [LG__EVENT_FREE] = "free",
        [LG__EVENT_INPUT] = "input",
    };
    return names[kind];
}

const char *lg__finding_name(enum lg__finding finding)
{
    static const char *const names[LG__FINDING_COUNT] = {
        [LG__FINDING_NONE] = "nothing",
        [LG__FINDING_ASSERT] = "assert",
        [LG__FINDING_ABORT] = "abort",
        [LG__FINDING_CRASH] = "crash",
        [LG__FINDING_EXIT_CODE] = "exit-code",
        [LG__FINDING_DEADLOCK] = "deadlock",
        [LG__FINDING_LOST_WAKEUP] = "lost-wakeup",
        [LG__FINDING_LIVELOCK] = "livelock",
        [LG__FINDING_LOCK_LEAK] = "lock-leak",
        [LG__FINDING_USE_AFTER_FREE] = "use-after-free",
        [LG__FINDING_DOUBLE_FREE] = "double-free",
        [LG__FINDING_BAD_FREE] = "bad-free",
        [LG__FINDING_RACE] = "race",
    };
    return names[finding];
}
