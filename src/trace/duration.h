/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long its tools took, as a client says in its next request. Claude Code:
 * `x-claude-code-prev-tool-durations: Bash=742;Read=9`, milliseconds without what it waited for
 * permission; names are percent-encoded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sonde/http.h"

/* False where it says nothing of @tool, or something twice. */
bool duration_told(const struct http_message *request, struct slice tool, uint64_t *ret_ns);
