/* SPDX-License-Identifier: BSD-2-Clause */
/* Random words that open doors. Only their SHA-256 is kept: who reads our files cannot use them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define SECRET_HASH  32
#define SECRET_CHARS 43 /* 256 bits, base64url */

/* 0 or -errno. @ret ends with a NUL. */
int secret_make(char ret[SECRET_CHARS + 1]);
/* False where it could not be computed. */
bool secret_hash(struct slice secret, uint8_t ret[SECRET_HASH]);
/* Takes as long wherever they differ. */
bool secret_same(const uint8_t a[SECRET_HASH], const uint8_t b[SECRET_HASH]);

/* As it stands in a file: lower-case hexadecimal digits. */
void secret_print(const uint8_t hash[SECRET_HASH], char ret[2 * SECRET_HASH + 1]);
bool secret_parse(struct slice text, uint8_t ret[SECRET_HASH]);
