/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of a process, as the members of a JSON object. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/json.h"

/*
 * Members of PROC (sonde/event.h) for @pid; of the environment only the names, and only as many as
 * fit. What cannot be read is left out.
 */
void describe_process(pid_t pid, struct json_writer *w);

/* Reads /proc/PID/NAME; its length, 0 where it cannot. NUL-terminated, cut where it is longer. */
size_t describe_file(pid_t pid, const char *name, char *ret, size_t size);
/* -1 where there is no such process. */
pid_t describe_parent(pid_t pid);

/*
 * What began @pid: "terminal", "ssh", "cron", "systemd", "ci", or "other", from its environment's
 * names, its terminal and its ancestors.
 */
const char *describe_trigger(pid_t pid);
