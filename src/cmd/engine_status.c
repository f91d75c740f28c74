/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/engine_status.h"

#include <string.h>
#include <time.h>

#include "cmd/health_json.h"

const char *const loss_names[SONDE_LOSS_NR] = {
	[SONDE_LOSS_RING_FULL] = "ring_full",
	[SONDE_LOSS_RING_BYTES] = "ring_bytes",
	[SONDE_LOSS_CONTROL] = "control",
	[SONDE_LOSS_FAULT] = "fault",
	[SONDE_LOSS_CAP] = "cap_bytes",
	[SONDE_LOSS_ARGS] = "args",
	[SONDE_LOSS_SCOPE_FULL] = "scope_full",
	[SONDE_LOSS_CONN_FULL] = "conn_full",
	[SONDE_LOSS_UNSEEN] = "unseen_bytes",
	[SONDE_LOSS_VERDICT] = "verdict_bytes",
	[SONDE_LOSS_TLS_UNREAD] = "tls_unread_bytes",
	[SONDE_LOSS_FILES] = "files",
	[SONDE_LOSS_NOT_LOOKED] = "not_looked",
	[SONDE_LOSS_NOT_ASKED] = "not_asked",
};

static uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Their payload is JSON of the prober's. */
static void note_attach(struct engine_status *s, const struct sonde_event *ev)
{
	const struct slice json = { (const char *)(ev + 1), ev->size - sizeof(*ev) };

	if (slice_eq(json_member(json, SLICE("ok")), SLICE("true")))
		s->attached++;
	else
		s->not_attached++;
}

void engine_status_note(struct engine_status *s, const struct sonde_event *ev)
{
	if (s->started_ns == 0)
		s->started_ns = boot_ns();
	s->last_ns = ev->ts_ns;
	if (ev->kind == SONDE_EV_LOSS && ev->size >= sizeof(struct sonde_loss_event))
		memcpy(s->loss, ((const struct sonde_loss_event *)ev)->count, sizeof(s->loss));
	else if (ev->kind == SONDE_EV_ATTACH && ev->size > sizeof(*ev))
		note_attach(s, ev);
	else if (ev->kind == SONDE_EV_PROBER_LOST)
		s->prober_lost = true;
}

static void put(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, key);
	json_put_int(w, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void engine_status_put(struct json_writer *w, const struct engine_status *s,
		       const struct stats *stats)
{
	const uint64_t now = boot_ns();

	put(w, "started_boot_ns", s->started_ns);
	if (s->last_ns)
		put(w, "lag_ms", now > s->last_ns ? (now - s->last_ns) / 1000000 : 0);
	json_key(w, "loss");
	json_begin(w, '{');
	for (size_t i = 0; i < SONDE_LOSS_NR; i++)
		if (loss_names[i])
			put(w, loss_names[i], s->loss[i]);
	json_end(w, '}');
	put(w, "attached", s->attached);
	put(w, "attach_failures", s->not_attached);
	json_key(w, "prober_lost");
	json_put_bool(w, s->prober_lost);
	json_key(w, "health");
	health_json(w, stats);
}
