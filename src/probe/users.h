/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and homes of this machine's own users: /etc/passwd alone, so that nobody else is asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False where there is no such user: @ret is the number then. */
bool users_name(uint32_t uid, char *ret, size_t n);
/* Each home that is there, once; at most as many as a person can have set up by hand. */
typedef void (*users_home_fn)(void *ctx, uint32_t uid, const char *home);
void users_homes(users_home_fn fn, void *ctx);
