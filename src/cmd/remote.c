/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/remote.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "cmd/config_file.h"
#include "cmd/remote_http.h"
#include "cmd/screen.h"
#include "cmd/served.h"
#include "store/store.h"

#define DEFAULT_SOCKET "/run/sonde/sonde.sock"
#define ASK_MAX	       65536

bool remote_asked;

static struct buf prepared; /* the JSON array of what is to be carried out */

/* --- where it is --- */

const char *remote_socket(void)
{
	static char *from_config; /* kept to the end */
	const char *env = getenv("SONDE_SOCKET");
	_cleanup_(config_freep) struct config *c = NULL;

	if (env && *env)
		return env;
	if (from_config)
		return from_config;
	if (access(DEFAULT_SOCKET, F_OK) < 0 && config_load(NULL, &c) == 0 && c->daemon.socket)
		from_config = strdup(c->daemon.socket);
	return from_config ? from_config : DEFAULT_SOCKET;
}

int remote_failed(int r)
{
	const char *socket = remote_socket();

	if (r == -ENOENT || r == -ECONNREFUSED)
		log_err("no daemon runs here: nobody listens at '%s' ('sonde daemon' starts one)",
			socket);
	else if (r == -EACCES)
		log_err("you may not ask the daemon at '%s'", socket);
	else
		log_errno(r, "cannot ask the daemon at '%s'", socket);
	return r;
}

static bool answers(void)
{
	const int fd = unix_connect(remote_socket(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool has_own_store(void)
{
	_cleanup_(freep) char *path = NULL;

	return store_find(NULL, false, &path) == 0 && access(path, F_OK) == 0;
}

static bool names_a_store(const struct command *c)
{
	for (const struct option_spec *o = c->options; o && o->name; o++)
		if (o->type == OPTION_FILE && strcmp(o->name, "db") == 0 &&
		    *(const char *const *)o->value)
			return true;
	return false;
}

bool remote_conflict(const struct command *c)
{
	if (!remote_asked || !names_a_store(c))
		return false;
	log_err("%s: --daemon asks the daemon, --db names a store: one of them", c->name);
	return true;
}

bool remote_wanted(const struct command *c)
{
	const char *env = getenv("SONDE_DAEMON"), *store = getenv("SONDE_DB");

	if (served() || names_a_store(c))
		return false;
	if (remote_asked || (env && strcmp(env, "1") == 0))
		return true;
	return !(store && *store) && !has_own_store() && answers();
}

/* --- what is asked --- */

struct preparing {
	struct json_writer w;
};

/* Files are the caller's and stay here; folders are known by their names here alone. */
static int add_argument(void *ctx, const struct option_spec *spec, bool on, const char *value)
{
	struct json_writer *w = ctx;
	_cleanup_(freep) char *text = NULL, *folder = NULL;
	int n;

	if (!spec) {
		json_put_str(w, slice_of(value));
		return w->r;
	}
	if (spec->type == OPTION_FILE || spec->value == &remote_asked)
		return 0;
	if (spec->type == OPTION_FOLDER && (value[0] == '.' || value[0] == '/'))
		folder = realpath(value, NULL);
	if (spec->type == OPTION_FLAG)
		n = asprintf(&text, "--%s%s", on ? "" : "no-", spec->name);
	else
		n = asprintf(&text, "--%s=%s", spec->name, folder ? folder : value);
	if (n < 0)
		return -ENOMEM;
	json_put_str(w, slice_of(text));
	return w->r;
}

int remote_prepare(const struct command *c, int argc, char **argv)
{
	struct json_writer w = { .out = &prepared, .max = ASK_MAX };
	struct options_error err;
	int r;

	prepared.n = 0;
	json_begin(&w, '[');
	json_put_str(&w, slice_of(c->name));
	r = options_walk(c->options, c->stop_at_operand, argc, (const char *const *)argv,
			 add_argument, &w, &err);
	json_end(&w, ']');
	/* What is wrong with the options is said where they are read; only what is too long here.
	 */
	if (r == -E2BIG || r == -ENOMEM)
		prepared.n = 0;
	return 0;
}

static int write_ask(struct buf *ret, struct slice argv, int columns, bool colour)
{
	const char *zone = getenv("TZ");
	struct json_writer w = { .out = ret };

	json_begin(&w, '{');
	json_key(&w, "argv");
	json_put_raw(&w, argv);
	if (columns) {
		json_key(&w, "columns");
		json_put_int(&w, columns);
	}
	json_key(&w, "colour");
	json_put_bool(&w, colour);
	if (zone) {
		json_key(&w, "tz");
		json_put_str(&w, slice_of(zone));
	}
	json_key(&w, "charset");
	json_put_str(&w,
		     strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? SLICE("utf-8") : SLICE("ascii"));
	json_end(&w, '}');
	return w.r;
}

static int ask(struct slice argv, int columns, bool colour, struct http_reply *ret)
{
	_cleanup_(buf_done) struct buf body = { 0 };
	const int r = write_ask(&body, argv, columns, colour);

	return r < 0 ? r
		     : http_ask(remote_socket(), "POST", "/api/v1/command",
				"Content-Type: application/json\r\n", buf_slice(&body), ret);
}

/* --- what comes back --- */

typedef int (*text_fn)(void *ctx, bool is_error, struct slice text);

/* The exit status; -EPROTO where it ended without one. */
static int read_frames(struct http_reply *reply, text_fn fn, void *ctx)
{
	static const char *const names[] = { "out", "err", "exit" };
	struct slice line, v[3];
	int64_t status = 0;
	int got, r = 0;

	while (r == 0 && (got = http_line(reply, &line)) > 0) {
		_cleanup_(arena_freep) struct arena *mem = arena_new(2 * line.n + 4096);

		if (!mem || !json_members(line, names, v, 3))
			continue;
		if (json_int64(v[2], &status))
			return (int)(status & 0xff);
		if (v[0].n || v[1].n)
			r = fn(ctx, v[0].n == 0, json_text(v[0].n ? v[0] : v[1], mem));
	}
	return r ? r : got < 0 ? got : -EPROTO;
}

/* Output that goes to where the command would have written it. */
struct writing {
	const struct command_output *output;
	FILE *out; /* NULL: nothing has come yet */
};

static int write_text(void *ctx, bool is_error, struct slice text)
{
	struct writing *w = ctx;

	if (is_error) {
		fwrite(text.p, 1, text.n, stderr);
		return 0;
	}
	if (!w->out)
		w->out = w->output ? w->output->open() : stdout;
	if (!w->out)
		return -ECANCELED;
	fwrite(text.p, 1, text.n, w->out);
	return ferror(w->out) ? -EPIPE : 0;
}

static int finish(struct writing *w, int r)
{
	struct screen s = { .f = stdout };
	int err;

	if (w->output && (w->out || r == 0)) {
		if (!w->out)
			w->out = w->output->open();
		err = w->out ? w->output->close(w->out, r > 0 ? -EIO : r) : 1;
		return r > 0 ? r : err;
	}
	if (r == -EPROTO)
		log_err("the daemon broke off before the end");
	else if (r < 0 && r != -EPIPE && r != -ECANCELED)
		remote_failed(r);
	err = screen_finish(&s);
	if (err < 0)
		log_errno(err, "cannot write the output");
	return r > 0 ? r : r < 0 || err < 0;
}

static int refused(struct http_reply *reply)
{
	char text[256];

	http_problem(reply, text, sizeof(text));
	log_err("the daemon refuses: %s", text);
	return -ECANCELED;
}

int remote_run(const struct command *c)
{
	struct writing w = { .output = c->output };
	struct http_reply reply;
	struct screen screen;
	int r;

	if (prepared.n == 0) {
		log_err("%s: that is too much for the daemon", c->name);
		return 1;
	}
	screen_init(&screen, stdout);
	r = ask(buf_slice(&prepared), screen.width, screen.colour, &reply);
	if (r < 0) {
		remote_failed(r);
		return 1;
	}
	r = reply.status == 200 ? read_frames(&reply, write_text, &w) : refused(&reply);
	http_done(&reply);
	return finish(&w, r);
}

static int keep_text(void *ctx, bool is_error, struct slice text)
{
	return is_error ? 0 : buf_add(ctx, text, 64u << 20);
}

int remote_capture(const char *const *argv, int columns, struct buf *ret)
{
	_cleanup_(buf_done) struct buf list = { 0 };
	struct json_writer w = { .out = &list };
	struct http_reply reply;
	int r;

	json_begin(&w, '[');
	for (; *argv; argv++)
		json_put_str(&w, slice_of(*argv));
	json_end(&w, ']');
	r = w.r < 0 ? w.r : ask(buf_slice(&list), columns, false, &reply);
	if (r < 0)
		return r;
	r = reply.status == 200 ? read_frames(&reply, keep_text, ret) : -EACCES;
	http_done(&reply);
	return r;
}
