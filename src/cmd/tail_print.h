/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of live_hub.h, for people. */
#pragma once

#include "cmd/screen.h"

struct tail_printer {
	struct screen screen;
	const char *run; /* digits that the id of the only run of interest begins with, or NULL */
	bool json, text;
	bool found, over; /* that run was seen; it has ended */
	char open[96];	  /* run, span and part whose text is being written; "" none */
	struct buf clean;
};

/* @run may be NULL. 0, or -EINVAL where it names no run. */
int tail_print_init(struct tail_printer *p, const char *run, bool json, bool text);
/* Returns the line's number, or @before where it has none. */
uint64_t tail_print_line(struct tail_printer *p, struct slice line, uint64_t before);
/* 0, or -ENOENT where the run of interest was not there. */
int tail_print_done(struct tail_printer *p);
