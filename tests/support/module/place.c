/* A shared object that names places in its own constant text.  Once it is closed, the text is gone,
 * and whoever still holds what was locked here has a place that points nowhere. */
#include <lifeguard/base.h>

const char *module_place(void);

LG_API const char *module_place(void)
{
    return LG_HERE;
}
