/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon's prober does to what it traces, because somebody has asked for it: it ends the
 * root process of a run. Whoever passes that on reads what anybody sends, so all that it says is
 * checked here: the process is traced, it is the one that is meant, and it is the asker's.
 *
 * The engine is told first (SONDE_EV_ACT), and the signal follows so much later that it knows of
 * the act when it hears of the signal.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "probe/capture.h"
#include "probe/outbox.h"

#define ACTS_MAX	 16		/* at once */
#define ACTS_TELL_NS	 150000000ull	/* between telling and doing */
#define ACTS_PATIENCE_NS 10000000000ull /* between SIGTERM and SIGKILL */

struct acts;

/* What is lent must outlive it. 0 or -ENOMEM. */
int acts_new(struct capture *capture, struct outbox *outbox, int launcher_fd, struct acts **ret);
void acts_free(struct acts *a);
/* "stop" of sonde/control.h; the answer goes to the launcher, now or when it was done. */
void acts_stop(struct acts *a, const cJSON *message);
/* Does whatever is due. */
void acts_turn(struct acts *a, uint64_t now_ns);
/* The least of @most_ms and what is left until something is due. */
int acts_timeout(const struct acts *a, uint64_t now_ns, int most_ms);
