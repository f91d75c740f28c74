/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that do nothing but run another one, and where in their arguments that one begins:
 * `timeout -k 5 60 make test`, `bwrap --ro-bind / / -- make test`, `python3 ./build.py`.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Moves @argv (a NUL after each argument) on to the command of a launcher; false, leaving it alone,
 * where it is none or has no command. */
bool launcher_skip(struct slice *argv);
