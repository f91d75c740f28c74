/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets by the name in front of them: assignments, JSON members, headers, options. */
#pragma once

#include "trace/redact_scan.h"

/* The literal is how a name ends that may be followed by a separator and a secret. */
bool redact_match_name(const struct redact_text *t, size_t at, const struct redact_rule *rule,
		       struct redact_span *ret);
