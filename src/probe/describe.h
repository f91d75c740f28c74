/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of a process, as the members of a JSON object. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cgroup.h"
#include "base/json.h"

/*
 * Members of PROC (sonde/event.h) for @pid; of the environment only the names, and only as many as
 * fit. What cannot be read is left out.
 */
void describe_process(pid_t pid, struct json_writer *w);

/* Reads /proc/PID/NAME; its length, 0 where it cannot. NUL-terminated, cut where it is longer. */
size_t describe_file(pid_t pid, const char *name, char *ret, size_t size);

struct describe_stat {
	char comm[17];
	pid_t parent, session;
	unsigned int tty; /* as the kernel numbers it; 0: none */
};

/* 0; -ESRCH where there is no such process, -EBADMSG. */
int describe_stat(pid_t pid, struct describe_stat *ret);
/* -1 where there is no such process. */
pid_t describe_parent(pid_t pid);
/* Its real user, now; @fallback where that cannot be told. */
uint32_t describe_user(pid_t pid, uint32_t fallback);

/* Single members: what a link in /proc/PID leads to; "cgroup" and "container"; "tty"; "env". */
void describe_link(pid_t pid, const char *name, struct json_writer *w);
void describe_cgroup(pid_t pid, struct json_writer *w);
void describe_tty(unsigned int tty, struct json_writer *w);
/* The container that it is in; false: none. */
bool describe_place(pid_t pid, struct cgroup_place *ret);
void describe_env(pid_t pid, struct json_writer *w);
void describe_env_of(char **env, struct json_writer *w);
