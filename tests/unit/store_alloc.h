/* SPDX-License-Identifier: BSD-2-Clause */
/* alloc.h refuses what the program itself asks for; with this, what SQLite asks for as well. */
#pragma once

#include <sqlite3.h>
#include <stdlib.h>

static sqlite3_mem_methods memory;

static bool refused_now(void)
{
	void *volatile probe = malloc(1); /* volatile: not to be optimised away */

	free(probe);
	return !probe;
}

static void *sqlite_malloc(int n)
{
	return refused_now() ? NULL : memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
	return refused_now() ? NULL : memory.xRealloc(p, n);
}

/* Before SQLite is used for the first time. */
static inline void wrap_sqlite_memory(void)
{
	sqlite3_mem_methods wrapped;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
	wrapped = memory;
	wrapped.xMalloc = sqlite_malloc;
	wrapped.xRealloc = sqlite_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &wrapped);
}
