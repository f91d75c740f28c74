/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter language of API, CLI and web interface: terms between blanks that must all hold.
 *
 *	agent:claude-code status:failed,timed_out -user:root cost>0.5 duration>=30s "fix the" tests
 *
 * name:value (several values with commas: any of them), -name:value (not), name>value and the like
 * for numbers, words of the task without a name. Values with blanks or commas stand in double
 * quotes, where \" and \\ are those characters. FILTER.md has the names; an unknown one is an error
 * that says which there are.
 */
#pragma once

#include "base/arena.h"
#include "store/query.h"

/*
 * Adds what @text asks for to @f; strings are put in @mem, that must outlive @f. 0, -EINVAL with
 * the reason for people in @err, -ENOMEM.
 */
int store_filter_parse(struct slice text, struct arena *mem, struct store_filter *f,
		       struct store_error *err);
