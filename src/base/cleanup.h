/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scope-bound ownership.
 *
 *	_cleanup_(freep) char *path = NULL;	freed on every way out of the scope
 *	*ret = TAKE(path);			ownership passed to the caller instead
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* For a destructor `void fn(T *)` that accepts NULL, defines the `fnp` that _cleanup_ needs. */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		fn(*p);                   \
	}

#define TAKE(p)                         \
	({                              \
		__typeof__(p) _t = (p); \
		(p) = NULL;             \
		_t;                     \
	})

/* The same for a descriptor. */
#define TAKE_FD(fd)            \
	({                     \
		int _t = (fd); \
		(fd) = -1;     \
		_t;            \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
