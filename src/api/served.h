/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command that is run for somebody else finds in its environment. Each only narrows. */
#pragma once

#define SERVED_ENV	   "SONDE_SERVED"	  /* it is: no files, no terminal, a sandbox */
#define SERVED_UID_ENV	   "SONDE_VIEWER_UID"	  /* only this user's runs; absent: all */
#define SERVED_COLUMNS_ENV "SONDE_SERVED_COLUMNS" /* how wide the caller's terminal is */
#define SERVED_COLOUR_ENV  "SONDE_SERVED_COLOUR"  /* it shows colours */
