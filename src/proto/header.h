/* SPDX-License-Identifier: BSD-2-Clause */
/* What header fields mean in every version of HTTP. */
#pragma once

#include "base/arena.h"
#include "sonde/http.h"

/* Without ":443" or ":80" behind it. */
struct slice header_without_default_port(struct slice host);
/* Adds one more list of codings to @all, as coding_new() takes them. */
void header_add_codings(struct arena *mem, struct buf *all, struct slice list);
/* All of Content-Encoding, likewise. */
void header_content_codings(const struct http_header *headers, size_t n, struct arena *mem,
			    struct buf *all);
