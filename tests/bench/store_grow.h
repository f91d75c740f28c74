/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

/*
 * Makes the runs of a store be there @times times, each time some days later under other ids, with
 * their steps and sums. Content is shared. Much faster than writing them; exits where that fails.
 */
void store_grow(const char *path, unsigned times);
