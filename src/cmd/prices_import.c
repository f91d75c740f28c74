/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde prices import`: a public price list into the user's own file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "cmd/prices_cmd.h"
#include "cmd/reader.h"
#include "price/import.h"

#define OUTPUT_MAX (64u << 20)
#define KINDS_MAX  1000 /* of things that cannot be converted; what is above is told as one */

/* --- what could not be converted --- */

struct kind {
	UT_hash_handle hh;
	size_t n;
	char what[128], example[96];
};

struct notes {
	struct kind *map;
	size_t others;
};

static void on_note(void *ctx, struct slice model, const char *what)
{
	struct notes *notes = ctx;
	struct kind *k;

	HASH_FIND_STR(notes->map, what, k);
	if (!k) {
		k = HASH_COUNT(notes->map) < KINDS_MAX ? calloc(1, sizeof(*k)) : NULL;
		if (!k) {
			notes->others++;
			return;
		}
		snprintf(k->what, sizeof(k->what), "%s", what);
		snprintf(k->example, sizeof(k->example), "%.*s", (int)(model.n < 90 ? model.n : 90),
			 model.p);
		HASH_ADD_STR(notes->map, what, k);
		if (!k->hh.tbl) {
			free(k);
			notes->others++;
			return;
		}
	}
	k->n++;
}

static int most_first(const struct kind *a, const struct kind *b)
{
	return (a->n < b->n) - (a->n > b->n);
}

/* For people, on standard error: the result may go to standard output. */
static void print_notes(struct notes *notes)
{
	HASH_SORT(notes->map, most_first);
	if (notes->map)
		fprintf(stderr, "not converted:\n");
	for (const struct kind *k = notes->map; k; k = k->hh.next)
		fprintf(stderr, "  %6zu  %s (%s)\n", k->n, k->what, k->example);
	if (notes->others)
		fprintf(stderr, "  %6zu  others\n", notes->others);
}

static void free_notes(struct notes *notes)
{
	struct kind *k, *next;

	HASH_ITER(hh, notes->map, k, next)
	{
		HASH_DEL(notes->map, k);
		free(k);
	}
}

/* --- the new file --- */

static void add(struct buf *b, struct slice s, int *r)
{
	if (*r >= 0)
		*r = buf_add(b, s, OUTPUT_MAX);
}

/* The user's own entries: all but what came from the same list before. */
static void add_own(struct buf *out, struct slice old, const char *kind, bool *any, int *r)
{
	struct json_iter it;
	struct slice one;

	if (!json_array(json_member(old, SLICE("models")), &it))
		return;
	while (json_next(&it, &one)) {
		if (json_is(json_member(one, SLICE("source")), kind))
			continue;
		add(out, *any ? SLICE(",\n") : SLICE(""), r);
		add(out, one, r);
		*any = true;
	}
}

/* Members of the old file that say something of their own. */
static void add_kept(struct buf *out, struct slice old, int *r)
{
	static const char *const kept[] = { "about", "aliases", "like" };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		struct slice value = json_member(old, slice_of(kept[i]));

		if (!value.n)
			continue;
		add(out, SLICE(" \""), r);
		add(out, slice_of(kept[i]), r);
		add(out, SLICE("\": "), r);
		add(out, value, r);
		add(out, SLICE(",\n"), r);
	}
}

static int make_file(const struct price_import *im, struct slice old, const char *day,
		     struct buf *out)
{
	char head[160];
	bool any = false;
	int r = 0;

	snprintf(head, sizeof(head),
		 "{\"format\": 1, \"version\": \"%s %s\", \"date\": \"%s\",\n"
		 " \"source\": \"imported from %s\",\n",
		 im->kind, day, day, im->kind);
	add(out, slice_of(head), &r);
	add_kept(out, old, &r);
	add(out, SLICE(" \"models\": [\n"), &r);
	add_own(out, old, im->kind, &any, &r);
	add(out, any && im->models ? SLICE(",\n") : SLICE(""), &r);
	add(out, buf_slice(&im->text), &r);
	add(out, SLICE("\n]}\n"), &r);
	return r;
}

/* --- where it goes --- */

static int write_all(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		s = slice_from(s, (size_t)n);
	}
	return 0;
}

/* ~/.config/sonde may not be there yet. */
static void make_dirs(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			log_debug("mkdir %s: %m", path);
		*slash = '/';
	}
}

/* In one step: a reader sees the old file or the new one. */
static int replace(const char *path, struct slice text)
{
	_cleanup_(freep) char *temp = malloc(strlen(path) + 16);
	_cleanup_(closep) int fd = -1;
	int r;

	if (!temp)
		return -ENOMEM;
	sprintf(temp, "%s.XXXXXX", path);
	make_dirs(temp);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	if (r >= 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(temp, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(temp);
	return r;
}

/* 1 where it is standard output. */
static int find_output(const struct prices_options *o, char **ret)
{
	if (o->output && strcmp(o->output, "-") == 0)
		return 1;
	if (o->output) {
		*ret = strdup(o->output);
		return *ret ? 0 : -ENOMEM;
	}
	/* root would leave files in that user's folder which the user cannot change */
	if (geteuid() == 0 && getenv("SUDO_USER") && !o->prices && !getenv("SONDE_PRICES")) {
		log_err("this needs no root: call it without sudo, or name a file with --output");
		return -EPERM;
	}
	return prices_own(o->prices, ret);
}

/* What is there already; one that cannot be read is not overwritten. */
static int read_old(const char *path, struct buf *ret)
{
	struct price_table *t = NULL;
	struct price_error err;
	int r = path ? prices_read_file(path, ret) : -ENOENT;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return log_errno(r, "cannot read '%s'", path);
	r = price_read(buf_slice(ret), &t, &err);
	price_free(t);
	if (r < 0)
		log_err("%s: %s (see 'sonde prices check %s')", path, err.text, path);
	return r;
}

/* Never writes what it could not read back. */
static int check_made(struct slice text)
{
	struct price_table *t = NULL;
	struct price_error err;
	int r = price_read(text, &t, &err);

	price_free(t);
	return r < 0 ? log_errno(r, "what was made of it cannot be used: %s", err.text) : 0;
}

static int put(const char *path, const struct price_import *im, struct slice text)
{
	int r;

	if (!path) {
		fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	r = replace(path, text);
	if (r < 0)
		return log_errno(r, "cannot write '%s'", path);
	fprintf(stderr, "%zu models from %s are now in %s\n", im->models, im->kind, path);
	return 0;
}

static int convert(const struct prices_options *o, struct price_import *im)
{
	struct buf old = { 0 }, made = { 0 };
	_cleanup_(freep) char *path = NULL;
	char day[16];
	const time_t now = time(NULL);
	struct tm tm;
	int r = find_output(o, &path);

	if (r == -EPERM)
		return r; /* has said why */
	if (r < 0)
		return log_errno(r, "no place for the prices: --output FILE names one");
	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	r = read_old(path, &old);
	if (r >= 0)
		r = make_file(im, slice_trim(buf_slice(&old)), day, &made);
	if (r >= 0)
		r = check_made(buf_slice(&made));
	if (r >= 0)
		r = put(path, im, buf_slice(&made));
	buf_done(&old);
	buf_done(&made);
	return r;
}

int prices_import_run(const struct prices_options *o, char **argv)
{
	struct notes notes = { 0 };
	struct price_import im = { .note = on_note, .ctx = &notes };
	struct buf text = { 0 };
	int r = prices_read_file(argv[0], &text);

	if (r < 0) {
		buf_done(&text);
		return log_errno(r, "cannot read '%s'", argv[0]), 1;
	}
	r = price_import(buf_slice(&text), &im);
	buf_done(&text);
	if (r == -EBADMSG)
		log_err("%s: neither LiteLLM's list nor genai-prices'", argv[0]);
	else if (r < 0)
		log_errno(r, "cannot convert '%s'", argv[0]);
	else
		r = convert(o, &im);
	if (r >= 0)
		print_notes(&notes);
	free_notes(&notes);
	buf_done(&im.text);
	return r < 0 ? 1 : reader_finish(0);
}
