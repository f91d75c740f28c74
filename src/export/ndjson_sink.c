/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * [ndjson NAME]: spans as lines of a file, as `sonde export` writes them; a run's line comes before
 * its root's. A file that is large enough becomes PATH.1, and that PATH.2.
 *
 * What was written and not noted before a crash is cut off again: no line is there twice. A file
 * that was taken away, or put there by another program, is begun anew and never cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "export/said.h"
#include "export/sink.h"

#define FULL_BYTES (4u << 20)
#define SAID_BYTES (2u << 20)
#define KEEP_BYTES (6u << 20)
#define KEEP_MAX   1000 /* rotated files */

struct ndjson_sink {
	const struct sink_config *c;
	int fd; /* -1: not open */
	dev_t dev;
	ino_t ino;
	off_t size; /* of what was noted as written */
	bool noted; /* dev, ino, size are of a state that was loaded or of a file that is open */
	bool bare;
	struct buf lines;
	int64_t items;
};

static void close_sink(void *self)
{
	struct ndjson_sink *s = self;

	closep(&s->fd);
	buf_done(&s->lines);
	free(s);
}

static int open_sink(const struct sink_env *env, void **ret, char *why, size_t size)
{
	const struct sink_config *c = env->config;
	struct ndjson_sink *s;

	if (c->path[0] != '/' || strlen(c->path) > 4000) {
		snprintf(why, size, "path '%s' does not begin with a slash", c->path);
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->c = c;
	s->fd = -1;
	*ret = s;
	return 0;
}

static void target(const struct sink_env *env, char *ret, size_t size)
{
	snprintf(ret, size, "%s", env->config->path);
}

/* --- the state --- */

static void put(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, key);
	json_put_int(w, (int64_t)v);
}

static void save(void *self, struct json_writer *w)
{
	const struct ndjson_sink *s = self;

	if (!s->noted)
		return;
	put(w, "device", s->dev);
	put(w, "inode", s->ino);
	put(w, "bytes", (uint64_t)s->size);
}

static void load(void *self, int64_t seq, struct slice state)
{
	static const char *const names[] = { "device", "inode", "bytes" };
	struct ndjson_sink *s = self;
	struct slice v[3];
	int64_t dev, ino, size;

	(void)seq;
	if (!json_members(state, names, v, 3) || !json_int64(v[0], &dev) ||
	    !json_int64(v[1], &ino) || !json_int64(v[2], &size) || size < 0)
		return;
	s->dev = (dev_t)dev;
	s->ino = (ino_t)ino;
	s->size = size;
	s->noted = true;
}

/* --- the file --- */

/* Whether what the path leads to is still the file that is written. */
static bool is_current(const struct ndjson_sink *s)
{
	struct stat st;

	return stat(s->c->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
}

/* What a crash left unnoted goes; what is shorter was cut by somebody, and goes on there. 1:
 * another file than is noted. */
static int take_up(struct ndjson_sink *s, const struct stat *st)
{
	const bool known = s->noted && st->st_dev == s->dev && st->st_ino == s->ino;

	if (known && st->st_size > s->size && ftruncate(s->fd, s->size) < 0)
		return -errno;
	s->size = known && st->st_size > s->size ? s->size : st->st_size;
	s->dev = st->st_dev;
	s->ino = st->st_ino;
	s->noted = true;
	return !known;
}

static int open_file(struct ndjson_sink *s)
{
	struct stat st;
	int r;

	if (s->fd >= 0 && is_current(s))
		return 0;
	closep(&s->fd);
	s->fd = open(s->c->path,
		     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (s->fd < 0)
		return -errno;
	r = fstat(s->fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? take_up(s, &st) : -ENOTSUP;
	if (r < 0) {
		close(s->fd);
		s->fd = -1;
	}
	return r;
}

/* PATH.(keep-1) to PATH.keep first, so that a crash in between loses none but the oldest. */
static void rotate(struct ndjson_sink *s)
{
	const uint64_t keep = s->c->keep < KEEP_MAX ? s->c->keep : KEEP_MAX;
	char from[4100], to[4100];

	for (uint64_t i = keep; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%llu", s->c->path, (unsigned long long)i);
		if (i == 1)
			snprintf(from, sizeof(from), "%s", s->c->path);
		else
			snprintf(from, sizeof(from), "%s.%llu", s->c->path,
				 (unsigned long long)(i - 1));
		if (rename(from, to) < 0 && errno != ENOENT)
			log_errno(-errno, "cannot rename '%s' to '%s'", from, to);
	}
	if (keep == 0 && unlink(s->c->path) < 0)
		log_errno(-errno, "cannot remove '%s'", s->c->path);
	close(s->fd);
	s->fd = -1;
}

static int write_all(struct ndjson_sink *s)
{
	struct slice rest = buf_slice(&s->lines);

	while (rest.n) {
		const ssize_t n = write(s->fd, rest.p, rest.n);

		if (n < 0 && errno != EINTR)
			return -errno;
		rest = slice_from(rest, n > 0 ? (size_t)n : 0);
	}
	return fdatasync(s->fd) < 0 ? -errno : 0;
}

/* Which file it is has to be noted before there is anything in it. */
static int prepare(void *self)
{
	struct ndjson_sink *s = self;
	int r = open_file(s);

	if (r >= 0 && s->c->max_bytes && s->size > 0 &&
	    (uint64_t)s->size + s->lines.n > s->c->max_bytes) {
		rotate(s);
		r = open_file(s);
	}
	return r;
}

/* All lines or none: half a line would be in the way of the next. */
static int append(struct ndjson_sink *s)
{
	const int r = write_all(s);

	if (r == 0)
		s->size += (off_t)s->lines.n;
	else if (ftruncate(s->fd, s->size) < 0)
		log_errno(-errno, "cannot cut '%s' to its last whole line", s->c->path);
	return r;
}

static void send(void *self, struct sink_report *ret)
{
	struct ndjson_sink *s = self;
	const int r = append(s);

	if (r == 0)
		return;
	ret->verdict = SINK_RETRY;
	snprintf(ret->why, sizeof(ret->why), "%s", strerrordesc_np(-r));
}

/* --- lines --- */

static void begin(void *self, bool bare)
{
	struct ndjson_sink *s = self;

	if (s->lines.cap > KEEP_BYTES) {
		buf_done(&s->lines);
		s->lines = (struct buf){ 0 };
	}
	s->lines.n = 0;
	s->items = 0;
	s->bare = bare;
}

/* JSON that stands as traffic had it may have line ends between its tokens. */
static int end_line(struct ndjson_sink *s, size_t from, const struct json_writer *w)
{
	for (size_t i = from; i < s->lines.n; i++)
		if (s->lines.p[i] == '\n' || s->lines.p[i] == '\r')
			s->lines.p[i] = ' ';
	return w->r < 0 ? w->r : buf_add(&s->lines, SLICE("\n"), SIZE_MAX);
}

static int add_run(struct ndjson_sink *s, const struct run *run)
{
	struct json_writer w = { .out = &s->lines };
	const size_t from = s->lines.n;

	run_json(&w, run, NULL);
	return end_line(s, from, &w);
}

/* A file's limit holds for what is written at once as well. */
static size_t full_bytes(const struct ndjson_sink *s)
{
	return s->c->max_bytes && s->c->max_bytes / 4 < FULL_BYTES ? (size_t)s->c->max_bytes / 4
								   : FULL_BYTES;
}

static int add(void *self, struct store_reader *r, int64_t version, const struct span *span,
	       const struct run *run)
{
	struct ndjson_sink *s = self;
	struct json_writer w = { .out = &s->lines };
	const bool content = s->c->content && !s->bare;
	struct said said = { 0 };
	size_t from;
	int err = 0;

	(void)version;
	if (run && id64_is_zero(&span->parent_id))
		err = add_run(s, run);
	from = s->lines.n;
	if (content)
		said_read_most(r, span, SAID_BYTES, &said);
	span_json(&w, span, content ? &said.is : NULL);
	said_done(&said);
	if (err == 0)
		err = end_line(s, from, &w);
	s->items++;
	return err < 0 ? err : s->lines.n >= full_bytes(s);
}

static int64_t items(const void *self)
{
	return ((const struct ndjson_sink *)self)->items;
}

const struct sink_type sink_ndjson = {
	.kind = SINK_NDJSON,
	.open = open_sink,
	.close = close_sink,
	.target = target,
	.begin = begin,
	.add = add,
	.items = items,
	.prepare = prepare,
	.send = send,
	.save = save,
	.load = load,
};
