/* SPDX-License-Identifier: BSD-2-Clause */
/* percentiles(ns): a blob of three int64_t, the 50th, 95th and 99th; NULL where all are NULL. */
#pragma once

#include "store/db.h"

#define PERCENTILES 3
extern const unsigned percentiles_wanted[PERCENTILES];

/* SQLite's code. */
int percentiles_define(sqlite3 *db);
