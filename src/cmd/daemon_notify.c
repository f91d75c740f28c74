/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "cmd/daemon_parts.h"

void daemon_notify_begin(struct daemon *d)
{
	uint64_t usec = 0;

	/* Twice as often as it is waited for. */
	if (sd_watchdog_enabled(0, &usec) > 0)
		d->alive_every_ns = usec * 1000 / 2;
}

void daemon_notify_ready(struct daemon *d)
{
	(void)d;
	sd_notify(0, "READY=1");
}

void daemon_notify_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u);
}

void daemon_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void daemon_notify_status(struct daemon *d, const char *line)
{
	if (strcmp(d->said, line) == 0)
		return;
	snprintf(d->said, sizeof(d->said), "%s", line);
	sd_notifyf(0, "STATUS=%s", d->said);
}

void daemon_notify_turn(struct daemon *d, uint64_t now_ns)
{
	if (!d->alive_every_ns || now_ns < d->alive_ns + d->alive_every_ns)
		return;
	d->alive_ns = now_ns;
	sd_notify(0, "WATCHDOG=1");
}
