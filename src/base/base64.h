/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 (RFC 4648 §4 and §5), as files carry it: with or without padding, broken into lines. */
#pragma once

#include "base/arena.h"

/* Decodes into @mem. False where @text is none, or memory is refused. */
bool base64_decode(struct slice text, struct arena *mem, struct slice *ret);
