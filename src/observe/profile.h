/* Profile, for who writes it to a file. */
#ifndef LG_OBSERVE_PROFILE_H
#define LG_OBSERVE_PROFILE_H

#include "plat/text.h"

#include <lifeguard/profile.h>

/* The whole profile into a text, which may be on its way to a file.  False: no memory. */
bool lg__profile_add(struct lg__text *text, enum lg_profile_format format, uint32_t top);

#endif
