/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "store/list/page.h"
#include "store/reader.h"

/*
 * The rows of store_agents() but for what is read by agents_read_newest(), as a statement of the
 * same columns. -EAGAIN where sums do not know what is asked for, or are not worth it.
 */
int agents_of_sums(struct store_reader *r, const struct store_filter *f, sqlite3_stmt **ret);

/* When an agent's newest run began, and the words of its newest runs; to be reset after each row.
 */
int agents_newest(struct store_reader *r, const struct store_filter *f, sqlite3_stmt **ret);
int agents_read_newest(struct store_reader *r, sqlite3_stmt *s, struct store_agent_row *row);
