/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <string.h>

#include "base/util.h"
#include "intake/intake.h"

/* Text of @len bytes that ends with its only NUL; 0 bytes: not known. */
static bool is_string(const char *s, size_t len)
{
	return len == 0 || memchr(s, '\0', len) == s + len - 1;
}

static bool is_span(__u64 pos, __u64 len)
{
	return len <= UINT64_MAX - pos;
}

static bool json_valid_event(const struct sonde_event *e)
{
	const struct sonde_json_event *j = (const void *)e;
	size_t n = e->size - sizeof(*j);

	return n > 0 && !memchr(j->json, '\0', n);
}

/* Of no process: whoever tells has nothing to say of those. */
static bool container_valid(const struct sonde_event *e)
{
	return json_valid_event(e) && e->tgid == 0 && e->start_ns == 0;
}

static bool exec_valid(const struct sonde_event *e)
{
	const struct sonde_exec_event *x = (const void *)e;
	const char *argv = x->text + x->path_len + x->cwd_len;

	/* The lengths are 16 bits wide: their sum cannot overflow. */
	if ((size_t)x->path_len + x->cwd_len + x->argv_len > e->size - sizeof(*x))
		return false;
	return x->path_len <= SONDE_PATH_MAX && x->cwd_len <= SONDE_PATH_MAX &&
	       x->argv_len <= SONDE_ARGV_MAX && is_string(x->text, x->path_len) &&
	       is_string(x->text + x->path_len, x->cwd_len) &&
	       (x->argv_len == 0 || argv[x->argv_len - 1] == '\0') &&
	       memchr(x->comm, '\0', sizeof(x->comm));
}

static bool data_valid(const struct sonde_event *e)
{
	const struct sonde_data_event *d = (const void *)e;

	return d->len <= SONDE_CHUNK_MAX && d->len <= e->size - sizeof(*d) &&
	       d->dir <= SONDE_DIR_OUT && d->source != 0 && is_span(d->pos, d->len) &&
	       !(d->flags & SONDE_DATA_EOF && d->len);
}

static bool gap_valid(const struct sonde_event *e)
{
	const struct sonde_gap_event *g = (const void *)e;

	return g->dir <= SONDE_DIR_OUT && g->source != 0 && g->reason != 0 &&
	       is_span(g->pos, g->len);
}

static bool hello_valid(const struct sonde_event *e)
{
	const struct sonde_hello_event *x = (const void *)e;

	return x->len <= SONDE_HELLO_MAX && x->len <= e->size - sizeof(*x);
}

static bool file_valid(const struct sonde_event *e)
{
	const struct sonde_file_event *f = (const void *)e;

	return (size_t)f->path_len + f->path2_len <= e->size - sizeof(*f) &&
	       f->path_len <= SONDE_PATH_MAX && f->path2_len <= SONDE_PATH_MAX &&
	       is_string(f->text, f->path_len) && is_string(f->text + f->path_len, f->path2_len) &&
	       f->op != 0;
}

static bool artifact_valid(const struct sonde_event *e)
{
	const struct sonde_artifact_event *a = (const void *)e;

	return a->len <= SONDE_ARTIFACT_CHUNK && a->path_len <= SONDE_PATH_MAX &&
	       (size_t)a->path_len + a->len <= e->size - sizeof(*a) &&
	       is_string(a->text, a->path_len) && a->offset <= SONDE_ARTIFACT_MAX &&
	       (a->len == 0 || (uint64_t)a->offset + a->len <= a->size) && a->state != 0;
}

static bool signal_valid(const struct sonde_event *e)
{
	const struct sonde_signal_event *s = (const void *)e;

	return memchr(s->comm, '\0', sizeof(s->comm));
}

static bool wait_valid(const struct sonde_event *e)
{
	const struct sonde_wait_event *w = (const void *)e;

	return w->what != 0 && w->ends <= 1;
}

static bool use_valid(const struct sonde_event *e)
{
	const struct sonde_use_event *u = (const void *)e;

	return u->dir <= SONDE_DIR_OUT && u->reads <= 1;
}

static bool found_valid(const struct sonde_event *e)
{
	const struct sonde_found_event *f = (const void *)e;

	return f->scope != 0 && f->scope < 0x80000000u;
}

static bool load_valid(const struct sonde_event *e)
{
	return ((const struct sonde_load_event *)(const void *)e)->level < SONDE_LOAD_NR;
}

static const struct rule {
	size_t size; /* the least */
	bool (*valid)(const struct sonde_event *e);
} rules[] = {
	[SONDE_EV_HOST] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_CLOCK] = { sizeof(struct sonde_clock_event), NULL },
	[SONDE_EV_CONFIG] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_SCOPE] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_FORK] = { sizeof(struct sonde_fork_event), NULL },
	[SONDE_EV_EXEC] = { sizeof(struct sonde_exec_event), exec_valid },
	[SONDE_EV_EXIT] = { sizeof(struct sonde_exit_event), NULL },
	[SONDE_EV_PROC] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_FOUND] = { sizeof(struct sonde_found_event), found_valid },
	[SONDE_EV_LEFT] = { sizeof(struct sonde_left_event), NULL },
	[SONDE_EV_DATA] = { sizeof(struct sonde_data_event), data_valid },
	[SONDE_EV_GAP] = { sizeof(struct sonde_gap_event), gap_valid },
	[SONDE_EV_CONN_OPEN] = { sizeof(struct sonde_conn_event), NULL },
	[SONDE_EV_CONN_CLOSE] = { sizeof(struct sonde_conn_event), NULL },
	[SONDE_EV_CONN_LINK] = { sizeof(struct sonde_link_event), NULL },
	[SONDE_EV_CONNECT] = { sizeof(struct sonde_connect_event), NULL },
	[SONDE_EV_TLS_HELLO] = { sizeof(struct sonde_hello_event), hello_valid },
	[SONDE_EV_CONN_USE] = { sizeof(struct sonde_use_event), use_valid },
	[SONDE_EV_FILE] = { sizeof(struct sonde_file_event), file_valid },
	[SONDE_EV_ARTIFACT] = { sizeof(struct sonde_artifact_event), artifact_valid },
	[SONDE_EV_SIGNAL] = { sizeof(struct sonde_signal_event), signal_valid },
	[SONDE_EV_WAIT] = { sizeof(struct sonde_wait_event), wait_valid },
	[SONDE_EV_ACT] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_LOAD] = { sizeof(struct sonde_load_event), load_valid },
	[SONDE_EV_STATE] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_CONTAINER] = { sizeof(struct sonde_json_event), container_valid },
	[SONDE_EV_LOSS] = { sizeof(struct sonde_loss_event), NULL },
	[SONDE_EV_ATTACH] = { sizeof(struct sonde_json_event), json_valid_event },
	[SONDE_EV_VERDICT] = { sizeof(struct sonde_verdict_event), NULL },
};

bool event_valid(const struct sonde_event *e, size_t n)
{
	const struct rule *rule;

	if (n < sizeof(*e) || e->size < sizeof(*e) || e->size > n || e->size > SONDE_EVENT_MAX)
		return false;
	if (e->kind >= ARRAY_SIZE(rules))
		return e->kind != 0;
	rule = &rules[e->kind];
	return e->kind != 0 && e->size >= rule->size && (!rule->valid || rule->valid(e));
}
