/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "base/slice.h"

/* The description of all routes: openapi.json. */
struct slice api_openapi(void);
