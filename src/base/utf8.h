/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "base/slice.h"

/* Bytes of the well-formed UTF-8 character that @s begins with; 0 where it is none (or @s is
 * empty). */
size_t utf8_char(struct slice s);
/* The first @max characters at most, never cut inside one; invalid bytes count as one each. */
struct slice utf8_head(struct slice s, size_t max);
/* Writes @c as UTF-8; returns the bytes (1 to 4). Surrogates and what is too large become U+FFFD.
 */
size_t utf8_put(uint32_t c, char ret[4]);
