/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording: the header below, then the events, each padded with zeros to a multiple of 8 bytes
 * so that a reader can use them where they lie. Numbers are in the machine's byte order.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/slice.h"
#include "intake/intake.h"

#define RECORD_FORMAT	1
#define RECORD_BUF_SIZE (1u << 20)
/* What may be lost when the engine is killed: flushed on ticks as well. */
#define RECORD_FLUSH_NS 1000000000ull

struct record_header {
	char magic[8];
	uint32_t size; /* of this header: the first event follows it */
	uint32_t format;
	uint32_t event_version;
	uint32_t pad;
	char sonde_version[32];
	char config_digest[72], price_digest[72];
};

_Static_assert(sizeof(struct record_header) == 200, "file format");

static const char record_magic[8] = "sonderec";

struct recorder {
	int fd;
	int error; /* the first; sticks */
	bool configured;
	uint64_t flushed_ns;
	size_t used;
	_Alignas(8) char buf[RECORD_BUF_SIZE];
};

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Fills @p as far as the file goes: the bytes, or -errno. */
static ssize_t read_full(int fd, char *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, p + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* Only a recording, or a file with nothing to lose, may be replaced. */
static int may_replace(int fd)
{
	char magic[sizeof(record_magic)];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	if (st.st_size == 0)
		return 0;
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, record_magic, sizeof(magic)) != 0)
		return -EEXIST;
	return 0;
}

static int open_for_writing(const char *path, int *ret_fd)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (errno != EEXIST)
		return -errno;
	/* O_NONBLOCK: a fifo must not hold us here. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = may_replace(fd);
	if (!r && (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0))
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int header_write(int fd, const struct record_header_info *info)
{
	struct record_header h = {
		.size = sizeof(h),
		.format = RECORD_FORMAT,
		.event_version = SONDE_EVENT_VERSION,
	};

	memcpy(h.magic, record_magic, sizeof(h.magic));
	snprintf(h.sonde_version, sizeof(h.sonde_version), "%s", info->sonde_version);
	snprintf(h.config_digest, sizeof(h.config_digest), "%s", info->config_digest);
	snprintf(h.price_digest, sizeof(h.price_digest), "%s", info->price_digest);
	return write_all(fd, (const char *)&h, sizeof(h));
}

int recorder_new(const char *path, const struct record_header_info *info, struct recorder **ret)
{
	_cleanup_(freep) struct recorder *r = malloc(sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->fd = -1;
	r->error = 0;
	r->configured = info->config_digest[0] != '\0';
	r->flushed_ns = 0;
	r->used = 0;
	err = open_for_writing(path, &r->fd);
	if (err < 0)
		return err;
	err = header_write(r->fd, info);
	if (err < 0) {
		close(r->fd);
		return err;
	}
	*ret = TAKE(r);
	return 0;
}

static int flush(struct recorder *r)
{
	if (!r->error)
		r->error = write_all(r->fd, r->buf, r->used);
	r->used = 0;
	return r->error;
}

/* The configuration arrives as an event, when the header is written already. */
static void note_config(struct recorder *r, const struct sonde_event *e)
{
	const struct sonde_json_event *j = (const void *)e;
	struct id128 id = id_of_bytes((struct slice){ j->json, e->size - sizeof(*j) });
	char hex[ID128_HEX_SIZE];

	r->configured = true;
	id128_hex(&id, hex);
	if (pwrite(r->fd, hex, sizeof(hex), offsetof(struct record_header, config_digest)) < 0 &&
	    !r->error)
		r->error = -errno;
}

int recorder_add(struct recorder *r, const struct sonde_event *e)
{
	size_t n = padded(e->size);

	if (r->error)
		return r->error;
	if (n > sizeof(r->buf) - r->used && flush(r) < 0)
		return r->error;
	memcpy(r->buf + r->used, e, e->size);
	memset(r->buf + r->used + e->size, 0, n - e->size);
	r->used += n;
	if (e->kind == SONDE_EV_CONFIG && !r->configured)
		note_config(r, e);
	if (e->kind == SONDE_EV_TICK && e->ts_ns - r->flushed_ns >= RECORD_FLUSH_NS) {
		r->flushed_ns = e->ts_ns;
		flush(r);
	}
	return r->error;
}

int recorder_error(const struct recorder *r)
{
	return r->error;
}

int recorder_close(struct recorder *r)
{
	int err;

	if (!r)
		return 0;
	err = flush(r);
	if (close(r->fd) < 0 && !err)
		err = -errno;
	free(r);
	return err;
}

/* --- reading --- */

struct reader {
	int fd;
	uint64_t offset; /* in the file, of buf[at] */
	size_t at, end;	 /* what is in buf and not yet fed */
	bool eof;
	_Alignas(8) char buf[RECORD_BUF_SIZE];
};

static int header_read(int fd, struct record_header_info *ret_info)
{
	struct record_header h;
	ssize_t n = read_full(fd, (char *)&h, sizeof(h));

	if (n < 0)
		return (int)n;
	if ((size_t)n < offsetof(struct record_header, event_version) ||
	    memcmp(h.magic, record_magic, sizeof(h.magic)) != 0)
		return -EBADMSG;
	if (h.format > RECORD_FORMAT)
		return -ENOTSUP;
	if ((size_t)n < sizeof(h) || h.format != RECORD_FORMAT || h.size != sizeof(h))
		return -EBADMSG;
	if (h.event_version > SONDE_EVENT_VERSION)
		return -ENOTSUP;
	if (ret_info) {
		snprintf(ret_info->sonde_version, sizeof(ret_info->sonde_version), "%.31s",
			 h.sonde_version);
		snprintf(ret_info->config_digest, sizeof(ret_info->config_digest), "%.64s",
			 h.config_digest);
		snprintf(ret_info->price_digest, sizeof(ret_info->price_digest), "%.64s",
			 h.price_digest);
	}
	return 0;
}

/* Moves what is left to the front and reads on. */
static int fill(struct reader *r)
{
	ssize_t n;

	memmove(r->buf, r->buf + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	n = read_full(r->fd, r->buf + r->end, sizeof(r->buf) - r->end);
	if (n < 0)
		return (int)n;
	r->eof = (size_t)n < sizeof(r->buf) - r->end;
	r->end += (size_t)n;
	return 0;
}

/* Feeds the whole events in the buffer. 1 where more is needed, 0 after END, -EBADMSG. */
static int feed_buffer(struct reader *r, intake_fn fn, void *ctx)
{
	while (r->end - r->at >= sizeof(struct sonde_event)) {
		const struct sonde_event *e = (const void *)(r->buf + r->at);
		size_t n = padded(e->size);

		if (e->size < sizeof(*e) || e->size > SONDE_EVENT_MAX)
			return -EBADMSG;
		if (n > r->end - r->at)
			return 1;
		if (!event_valid(e, e->size))
			return -EBADMSG;
		r->at += n;
		r->offset += n;
		fn(ctx, e);
		if (e->kind == SONDE_EV_END)
			return 0;
	}
	return 1;
}

static int feed_file(struct reader *r, intake_fn fn, void *ctx)
{
	for (;;) {
		int err = fill(r);

		if (err < 0)
			return err;
		err = feed_buffer(r, fn, ctx);
		if (err < 0)
			return err;
		if (err == 0) { /* END, and so the file's end as well */
			err = fill(r);
			return err < 0 ? err : r->end ? -EBADMSG : 0;
		}
		if (r->eof)
			return -ENODATA;
	}
}

int replay_info(const char *path, struct record_header_info *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : header_read(fd, ret);
}

int replay_file(const char *path, intake_fn fn, void *ctx, struct record_header_info *ret_info,
		uint64_t *ret_offset)
{
	_cleanup_(freep) struct reader *r = malloc(sizeof(*r));
	_cleanup_(closep) int fd = -1;
	int err;

	if (!r)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	r->fd = fd;
	r->at = r->end = 0;
	r->eof = false;
	err = header_read(fd, ret_info);
	r->offset = err ? 0 : sizeof(struct record_header);
	if (!err)
		err = feed_file(r, fn, ctx);
	if (ret_offset)
		*ret_offset = r->offset;
	return err;
}
