/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process may do, as /proc shows it: the "sandbox" member of PROC (sonde/event.h). */
#pragma once

#include <sys/types.h>

#include "base/json.h"

/* Landlock is not told: the kernel shows to nobody who has put it on. */
void confinement_describe(pid_t pid, struct json_writer *w);
