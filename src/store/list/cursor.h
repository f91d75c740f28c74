/* SPDX-License-Identifier: BSD-2-Clause */
/* The place of a row in a list, and how it is given to those who turn pages. */
#pragma once

#include "store/list/page.h"

enum cursor_kind { CURSOR_RUNS = 'r', CURSOR_SPANS = 's', CURSOR_SESSIONS = 't' };

struct place {
	int64_t key; /* what is ordered by */
	uint8_t id[16];
	size_t id_n;
	int64_t n; /* of spans: the row's number */
};

void place_id(struct place *p, const uint8_t *id, size_t n);
/* Of a page of this order: letters, and the place in hexadecimal. */
void cursor_write(const struct store_page *page, enum cursor_kind kind, const struct place *p,
		  char ret[STORE_CURSOR]);
/* @page's cursor. 0, or -EINVAL where it is none of such a page. */
int cursor_read(const struct store_page *page, enum cursor_kind kind, struct place *ret);
