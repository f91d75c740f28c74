/* SPDX-License-Identifier: BSD-2-Clause */
/* What bytes are, by how they begin: what anybody says of them is not believed. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"; NULL: none of these. */
const char *media_type(struct slice bytes);
/* Whether it is one of these that is a picture. */
bool media_is_picture(const char *type);
