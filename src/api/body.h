/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <microhttpd.h>

#include "base/slice.h"

#define BODY_GZIP_FROM 1024 /* bytes: less is not worth it */

/* Whether the client takes it. */
bool body_takes_gzip(struct MHD_Connection *http);
/* @body compressed: malloc'ed, of *ret_n bytes; NULL where it cannot be. */
char *body_gzip(struct slice body, size_t *ret_n);

/* A copy of @body as a response, compressed where the client takes that; NULL where memory is
 * refused. */
struct MHD_Response *body_response(struct MHD_Connection *http, struct slice body);
