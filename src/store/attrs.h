/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes as JSON and back; types survive: a double keeps its point. */
#pragma once

#include "base/json.h"
#include "sonde/span.h"

/* The value alone. */
void attr_put(struct json_writer *w, const struct attr *a);
/* An object of all of them. */
int attrs_write(const struct attr *attrs, size_t n, struct buf *ret);
/* Into @mem; what is malformed is left out. */
void attrs_read(struct slice json, struct arena *mem, const struct attr **ret, size_t *ret_n);
