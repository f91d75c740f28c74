/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures and other media where only text is shown. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"

/*
 * Appends a line for a message's part: "[image image/png 12.1 KiB sha256 ...]", or why there is
 * nothing to show. False where the part is none of media, or memory is refused.
 */
bool media_line(const cJSON *part, struct buf *out);
