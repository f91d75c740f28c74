/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times as people type them, one way for options, the filter language and the API: 2026-11-20,
 * 2026-11-20T10:00, with seconds, with Z or +02:00 (else local); today, yesterday; 90m, 2h, 7d, 4w
 * (ago).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Unix ns. False where @text is none. */
bool when_read(const char *text, uint64_t now_ns, uint64_t *ret);
/* Unix ns of now. */
uint64_t when_now(void);
