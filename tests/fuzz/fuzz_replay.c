/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a recording, through every stage: nothing crashes, and a second replay gives the
 * same results, ids included.
 *
 * Half of the inputs are files as they stand. Random bytes hardly get past the framing, so the
 * other half is a script: each byte begins an event of some kind whose fields are small numbers
 * and whose text is what follows in the input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/pipeline.h"
#include "intake/intake.h"

/* --- what comes out, as one number --- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	while (n--)
		h = (h ^ *b++) * 1099511628211u;
	return h;
}

static uint64_t mix_slice(uint64_t h, struct slice s)
{
	return mix(mix(h, &s.n, sizeof(s.n)), s.p, s.n);
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	uint64_t *h = ctx;

	*h = mix_slice(mix(mix(*h, id, sizeof(*id)), kind, 4), bytes);
}

static void on_media(void *ctx, const struct media *m)
{
	uint64_t *h = ctx;

	if (id128_is_zero(&m->holder) || (m->state == MEDIA_KEPT && !m->type))
		abort();
	*h = mix_slice(mix(*h, &m->holder, sizeof(m->holder)), m->digest);
	*h = mix(mix(*h, &m->state, sizeof(m->state)), m->sha256, sizeof(m->sha256));
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	uint64_t *h = ctx;

	*h = mix(mix(mix(*h, id, sizeof(*id)), parent, sizeof(*parent)), message, sizeof(*message));
	*h = mix(*h, &depth, sizeof(depth));
}

static void on_span(void *ctx, const struct span *s)
{
	uint64_t *h = ctx;

	if (id64_is_zero(&s->span_id) || id128_is_zero(&s->run_id))
		abort();
	*h = mix(mix(*h, &s->span_id, sizeof(s->span_id)), &s->parent_id, sizeof(s->parent_id));
	*h = mix_slice(mix_slice(mix_slice(*h, s->name), s->status_text), s->evidence);
	*h = mix(mix(*h, &s->start_ns, sizeof(s->start_ns)), &s->end_ns, sizeof(s->end_ns));
	*h = mix(*h, &s->lost_bytes, sizeof(s->lost_bytes));
	for (size_t i = 0; i < s->n_attrs; i++)
		*h = mix_slice(mix_slice(*h, slice_of(s->attrs[i].name)), s->attrs[i].s);
}

static void on_run(void *ctx, const struct run *r)
{
	uint64_t *h = ctx;

	*h = mix(mix(*h, &r->run_id, sizeof(r->run_id)), &r->status, sizeof(r->status));
	*h = mix_slice(mix_slice(mix_slice(*h, r->task), r->notes), r->models);
}

static const struct trace_sink sink = {
	.blob = on_blob, .media = on_media, .node = on_node, .span = on_span, .run = on_run
};

static void on_event(void *ctx, const struct sonde_event *e)
{
	pipeline_feed(ctx, e);
}

static uint64_t replay(const char *path)
{
	struct stats stats = { 0 };
	uint64_t h = 14695981039346656037u;
	struct pipeline_config c = { .sink = &sink, .ctx = &h, .stats = &stats };
	struct pipeline *p;

	if (pipeline_new(&c, &p) < 0)
		abort();
	replay_file(path, on_event, p, NULL, NULL);
	pipeline_end(p);
	pipeline_free(p);
	return h;
}

/* --- a script --- */

struct script {
	const uint8_t *p;
	size_t n;
	FILE *out;
	uint64_t now, pos[4][2];
};

static unsigned take(struct script *s)
{
	if (!s->n)
		return 0;
	s->n--;
	return *s->p++;
}

static struct slice take_text(struct script *s, size_t max)
{
	size_t n = take(s) * 4u;
	struct slice r;

	n = n < max ? n : max;
	n = n < s->n ? n : s->n;
	r = (struct slice){ (const char *)s->p, n };
	s->p += n;
	s->n -= n;
	return r;
}

static void put(struct script *s, struct sonde_event *e, size_t fixed, struct slice text,
		uint16_t kind)
{
	static const char zeros[8];

	s->now += take(s) * 1000000ull;
	e->ts_ns = s->now;
	e->tgid = e->tid = 1 + take(s) % 4;
	e->start_ns = e->tgid * 1000;
	e->kind = kind;
	e->size = (__u32)(fixed + text.n);
	fwrite(e, 1, fixed, s->out);
	fwrite(text.p ? text.p : "", 1, text.n, s->out);
	fwrite(zeros, 1, -(fixed + text.n) & 7, s->out);
}

static void put_json(struct script *s, uint16_t kind)
{
	struct sonde_json_event e = { 0 };

	put(s, &e.hdr, sizeof(e), take_text(s, 1000), kind);
}

static void put_scope(struct script *s)
{
	struct sonde_json_event e = { 0 };

	put(s, &e.hdr, sizeof(e),
	    SLICE("{\"scope\":1,\"kind\":\"run\",\"argv\":[\"a\"],\"cwd\":\"/\"}"), SONDE_EV_SCOPE);
}

static void put_fork(struct script *s)
{
	struct sonde_fork_event e = { .child_tgid = 1 + take(s) % 4, .scope = 1 };

	e.child_start_ns = e.child_tgid * 1000;
	put(s, &e.hdr, sizeof(e), (struct slice){ 0 }, SONDE_EV_FORK);
}

static void put_exec(struct script *s)
{
	struct sonde_exec_event e = { .parent_tgid = take(s) % 4, .comm = "x" };
	char text[600] = "/bin/x";
	struct slice argv = take_text(s, 500);

	memcpy(text + 7, argv.p ? argv.p : "", argv.n);
	e.path_len = 7;
	e.argv_len = (__u16)(argv.n + 1);
	put(s, &e.hdr, sizeof(e), (struct slice){ text, 7 + argv.n + 1 }, SONDE_EV_EXEC);
}

static void put_exit(struct script *s)
{
	struct sonde_exit_event e = { .code = (int)take(s), .signal = (int)take(s) % 16 };

	put(s, &e.hdr, sizeof(e), (struct slice){ 0 }, SONDE_EV_EXIT);
}

static void put_data(struct script *s)
{
	struct sonde_data_event e = { .conn = take(s) % 4, .source = 1 };
	struct slice text = take_text(s, 1000);
	uint64_t *pos;

	e.dir = take(s) % 2;
	pos = &s->pos[e.conn][e.dir];
	e.pos = *pos + (take(s) == 1 ? take(s) : 0);
	e.flags = text.n ? 0 : SONDE_DATA_EOF;
	e.len = e.call_len = (__u32)text.n;
	*pos = e.pos + text.n;
	put(s, &e.hdr, sizeof(e), text, SONDE_EV_DATA);
}

static void put_gap(struct script *s)
{
	struct sonde_gap_event e = { .conn = take(s) % 4, .source = 1, .reason = 1 };

	e.dir = take(s) % 2;
	e.len = take(s);
	e.pos = s->pos[e.conn][e.dir];
	s->pos[e.conn][e.dir] += e.len;
	put(s, &e.hdr, sizeof(e), (struct slice){ 0 }, SONDE_EV_GAP);
}

static void put_conn(struct script *s, uint16_t kind)
{
	static const __u8 sources[] = { SONDE_SOURCE_OPENSSL, SONDE_SOURCE_UNIX,
					SONDE_SOURCE_PIPE };
	struct sonde_conn_event e = { .conn = take(s) % 4, .flags = take(s) % 32 };
	unsigned how = take(s);

	e.source = sources[how / 3 % ARRAY_SIZE(sources)];
	e.family = how % 3;
	memset(s->pos[e.conn], 0, sizeof(s->pos[e.conn]));
	put(s, &e.hdr, sizeof(e), (struct slice){ 0 }, kind);
}

static void put_use(struct script *s)
{
	struct sonde_use_event e = { .conn = take(s) % 4 };
	unsigned how = take(s);

	e.dir = how & 1;
	e.reads = how >> 1 & 1;
	put(s, &e.hdr, sizeof(e), (struct slice){ 0 }, SONDE_EV_CONN_USE);
}

static void put_link(struct script *s)
{
	struct sonde_link_event e = { .tls = take(s) % 4, .sock = take(s) % 4 };

	put(s, &e.hdr, sizeof(e), (struct slice){ 0 }, SONDE_EV_CONN_LINK);
}

static void put_mark(struct script *s, uint16_t kind)
{
	struct sonde_event e = { 0 };

	put(s, &e, sizeof(e), (struct slice){ 0 }, kind);
}

static void put_event(struct script *s)
{
	static void (*const makers[])(struct script *
				      s) = { put_data, put_data, put_data, put_fork,  put_exec,
					     put_exit, put_gap,	 put_link, put_scope, put_use };
	static const uint16_t conns[] = { SONDE_EV_CONN_OPEN, SONDE_EV_CONN_CLOSE };
	static const uint16_t json[] = { SONDE_EV_PROC, SONDE_EV_ATTACH, SONDE_EV_CONFIG,
					 SONDE_EV_HOST };
	static const uint16_t marks[] = { SONDE_EV_TICK, SONDE_EV_PROBER_LOST };
	unsigned what = take(s) % 20;

	if (what < ARRAY_SIZE(makers))
		makers[what](s);
	else if (what < 14)
		put_conn(s, conns[what % ARRAY_SIZE(conns)]);
	else if (what < 18)
		put_json(s, json[what % ARRAY_SIZE(json)]);
	else
		put_mark(s, marks[what % ARRAY_SIZE(marks)]);
}

static void write_script(int fd, const uint8_t *data, size_t n)
{
	const struct record_header_info info = { .sonde_version = "fuzz" };
	struct script s = { .p = data, .n = n, .now = 1000 };
	struct recorder *r;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (recorder_new(path, &info, &r) < 0 || recorder_close(r) < 0)
		abort();
	s.out = fopen(path, "ae");
	put_scope(&s);
	while (s.n)
		put_event(&s);
	put_mark(&s, SONDE_EV_END);
	fclose(s.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[64];
	int fd;

	if (n < 1)
		return 0;
	fd = memfd_create("recording", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (data[0] == 's') /* a recording's magic begins with it */
		n = write(fd, data, n) == (ssize_t)n ? n : 0;
	else
		write_script(fd, data + 1, n - 1);
	if (replay(path) != replay(path))
		abort();
	close(fd);
	return 0;
}
