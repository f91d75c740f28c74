/* SPDX-License-Identifier: BSD-2-Clause */
/* uthash, as base/map.h has it, and utlist. */
#pragma once

#include <stdbool.h>

#include <utlist.h>

#include "base/map.h"

/* utlist's loops in words that every checker understands. */
#define list_for_each(el, head) for ((el) = (head); (el); (el) = (el)->next)
#define list_for_each_safe(el, after, head) \
	for ((el) = (head); (el) && ((after) = (el)->next, true); (el) = (after))
