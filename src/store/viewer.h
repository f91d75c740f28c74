/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who sees what: the one place that decides it, for commands, socket and API alike.
 *
 * A viewer sees the runs of its own uid: their steps, sums over those, and content that one of
 * those steps refers to. For a reader that was told of its viewer nothing else is there: not in a
 * list, by id or digits, by hash, by words, nor by SQL.
 *
 * How: views of the reader's connection have the names of the tables and shadow them wherever a
 * query names a table without its schema. So a query in this folder that is meant for readers
 * never writes "main." but behind a check of its own (viewer_may_read()).
 */
#pragma once

#include "store/query.h"

struct viewer {
	bool all; /* sees every run */
	uint32_t uid;
};

/*
 * From now on @r shows what @v may see. To be called once, before anything is read; a second call
 * is -EALREADY. 0 or -errno: then @r must not be used.
 */
int store_reader_view(struct store_reader *r, const struct viewer *v);
