/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of a program as events have them: one after the other, a NUL after each. */
#pragma once

#include "base/json.h"
#include "base/slice.h"

/* Takes the next one off @argv; false at the end. The last may lack its NUL. */
bool argv_next(struct slice *argv, struct slice *ret);
/* Those of a JSON array of strings, at most @max bytes; malloc'ed. */
struct slice argv_of_json(const cJSON *array, size_t max);
