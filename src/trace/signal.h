/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals that processes of a run were sent, as far as they tell how it ended; private to this
 * folder. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "sonde/event.h"

struct tree_state;

enum sender {
	SENT_BY_KERNEL = 1, /* a key of the terminal, a timer, a limit */
	SENT_BY_TIMEOUT,    /* timeout(1) */
	SENT_BY_SYSTEMD,
	SENT_BY_SONDE, /* its launcher passes on what it was sent itself */
	SENT_BY_ASKED, /* sonde's prober: somebody has had the run stopped */
	SENT_BY_OWN,   /* a process of the run */
	SENT_BY_OTHER,
};

struct sent_signal {
	uint64_t ts_ns;
	int signal;
	enum sender by;
	uint32_t pid; /* of the sender */
	char comm[SONDE_COMM_LEN];
};

#define SIGNALS_MAX   8 /* the newest to the root */
#define ASKED_BY_SIZE 40

struct sent_signals {
	struct sent_signal to_root[SIGNALS_MAX];
	unsigned n;		      /* that came; some may be overwritten */
	uint64_t limit_ns;	      /* when timeout(1) last sent one to any process of the run */
	uint64_t asked_ns;	      /* when sonde was last asked to stop it; 0: never */
	char asked_by[ASKED_BY_SIZE]; /* the user, cut */
};

void signal_sent(struct tree_state *tree, const struct sonde_signal_event *e);
/* @user has asked sonde to stop it: what its prober sends from now on is that. */
void signal_asked(struct tree_state *tree, struct slice user, uint64_t ts_ns);

/*
 * What ended the root at @end_ns: the first signal of that number shortly before (0: of any that
 * can end a program), the launcher's only where there is no other. NULL: none.
 */
const struct sent_signal *signal_that_ended(const struct sent_signals *s, int signal,
					    uint64_t end_ns);
/* Whether timeout(1) ended something of the run shortly before. */
bool signal_of_limit(const struct sent_signals *s, uint64_t end_ns);
