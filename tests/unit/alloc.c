/* SPDX-License-Identifier: BSD-2-Clause */
#include "alloc.h"

#include <errno.h>
#include <stddef.h>

static long left; /* allocations until the first refusal; 0: not refusing */
static bool refused;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool refuse(void)
{
	if (left == 0)
		return false;
	if (left > 1) {
		left--;
		return false;
	}
	refused = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return refuse() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return refuse() ? NULL : __real_realloc(p, n);
}

void alloc_refuse(long nth)
{
	left = nth;
	refused = false;
}

bool alloc_allow(void)
{
	left = 0;
	return refused;
}
