/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether an answer that a client has is still the answer. A weak tag is made of when the store's
 * files were changed last, of who asks for what, and of this program: it is known before anything
 * is read, and made before it, so it is never newer than the answer.
 */
#pragma once

#include "api/params.h"
#include "api/request.h"

/* Gives the answer to @rq its tag; whether the client has that answer already. */
bool etag_matches(struct request *rq, const struct params *p);
