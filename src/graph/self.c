/* The calling thread's context. */
#include "graph/context.h"

_Thread_local struct lg_context *lg__self;
struct lg_context lg__nobody;
_Thread_local struct lg_context *lg__self_or_nobody = &lg__nobody;

void lg__self_set(struct lg_context *context)
{
    lg__self = context;
    lg__self_or_nobody = context ? context : &lg__nobody;
}
