/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process may do, as the prober saw it when it began its program; private to this folder. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

struct emit;

struct sandbox {
	bool known, namespaces_known;
	bool no_new_privs, read_only_root;
	bool seccomp;	    /* filters its system calls */
	uint8_t namespaces; /* that are its own: bits, rows of sandbox.c's table */
	uint64_t caps;	    /* effective capabilities */
	uint32_t uid;
};

/* From the JSON of a PROC event; leaves @s alone where it says nothing of it. */
void sandbox_read(struct sandbox *s, struct slice proc);
bool sandbox_eq(const struct sandbox *a, const struct sandbox *b);
/* sonde.sandbox.* attributes; none where it is not known. */
void sandbox_emit(struct emit *e, const struct sandbox *s);
/* The same as an object. */
void sandbox_json(struct json_writer *w, const struct sandbox *s);
