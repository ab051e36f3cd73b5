#include "explore/together.h"

/* The first that the linker meets (CMakeLists.txt): what follows is on its page. */
static LG__TOGETHER __attribute__((aligned(4096), used)) char begin;
