/* SPDX-License-Identifier: BSD-2-Clause */
/* What `sonde show` can show of a run besides its tree (view.h) and what was said (chat.h). */
#pragma once

#include "cmd/screen.h"
#include "store/query.h"

struct views_options {
	bool json; /* one object a line */
	bool all;  /* every process, long texts whole */
};

/* Each: 0 or -errno. */
/* A bar for each step over the run's time, and where the time went. */
int timeline_print(struct store_reader *r, const struct id128 *run, const struct views_options *o,
		   const struct screen *s);
/* Lines below the head: container and pod, where there are any. */
void place_print(const struct screen *s, const struct run *run);
/* What really happened on the machine: commands, files, network. */
int system_print(struct store_reader *r, const struct id128 *run, const struct views_options *o,
		 const struct screen *s);
/* HTTP as far as it was kept: what went around the bodies, and what was said in them. */
int raw_print(struct store_reader *r, const struct id128 *run, const struct views_options *o,
	      const struct screen *s);
