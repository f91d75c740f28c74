/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cmd/daemon_parts.h"

static void put_key(struct json_writer *w, const char *key, struct slice json)
{
	json_key(w, key);
	json_put_raw(w, json);
}

/* "start" or "watch" of sonde/control.h; the latter without what cannot change. */
static int write_message(const struct daemon *d, const char *op, bool start, struct buf *ret)
{
	const struct config *c = d->setup->c;
	struct json_writer w = { .out = ret, .max = IPC_MAX };

	json_begin(&w, '{');
	json_key(&w, "op");
	json_put_str(&w, slice_of(op));
	if (start) {
		json_key(&w, "ring_bytes");
		json_put_int(&w, (int64_t)c->daemon.ring_bytes);
		json_key(&w, "files");
		json_put_bool(&w, c->files);
		put_key(&w, "scope", SLICE("{\"owner\":\"daemon\"}"));
	}
	put_key(&w, "watch", buf_slice(&d->setup->watch));
	put_key(&w, "config", buf_slice(&d->setup->event));
	json_end(&w, '}');
	return w.r;
}

static int say(struct daemon *d, const char *op, bool start, int *engine_fd)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	int r = write_message(d, op, start, &text);

	if (r == 0)
		r = ipc_send(d->prober_fd, buf_slice(&text), engine_fd, engine_fd ? 1 : 0);
	return r < 0 ? log_errno(r, "cannot tell the prober what to trace") : 0;
}

int daemon_prober_start(struct daemon *d, int *engine_fd)
{
	struct prober_link link = { .fd = -1 };
	int r = prober_fork(&d->signals, &link);

	if (r < 0) {
		log_errno(r, "cannot start the prober");
	} else {
		d->children[DAEMON_PROBER] = (struct daemon_child){ .pid = link.pid,
								    .wanted = true,
								    .start_ns = daemon_now_ns() };
		d->prober_fd = link.fd;
		r = say(d, "start", true, engine_fd);
	}
	close(TAKE_FD(*engine_fd));
	return r;
}

int daemon_prober_engine(struct daemon *d, int *engine_fd)
{
	const int r = ipc_send(d->prober_fd, SLICE("{\"op\":\"engine\"}"), engine_fd, 1);

	close(TAKE_FD(*engine_fd));
	return r < 0 ? log_errno(r, "cannot give the new engine to the prober") : 0;
}

void daemon_prober_change(struct daemon *d)
{
	say(d, "watch", false, NULL);
}

/* --- what it says --- */

static void say_warnings(const cJSON *message)
{
	const cJSON *w;

	cJSON_ArrayForEach (w, json_at(message, "warnings"))
		if (cJSON_IsString(w))
			log_warn("%s", w->valuestring);
}

/* What came of it: for whoever has asked, and for the log. */
static void take_acted(struct daemon *d, const cJSON *message)
{
	const int error = (int)json_int(message, "error");
	const long long pid = json_int(message, "pid"), uid = json_int(message, "uid");
	char text[96];

	snprintf(text, sizeof(text), "{\"op\":\"acted\",\"id\":%lld,\"error\":%d}",
		 (long long)json_int(message, "id"), error);
	if (d->server_fd >= 0)
		ipc_send(d->server_fd, slice_of(text), NULL, 0);
	if (error)
		log_warn("user %lld has asked to stop process %lld: not done: %s", uid, pid,
			 strerrordesc_np(error));
	else
		log_info("user %lld has asked to stop process %lld: it was sent SIGTERM", uid, pid);
}

static void take(struct daemon *d, const cJSON *message)
{
	const struct slice op = json_str(message, "op");

	say_warnings(message);
	if (slice_eq(op, SLICE("ready"))) {
		d->prober_ready = true;
		return;
	}
	if (slice_eq(op, SLICE("acted")))
		take_acted(d, message);
	if (!slice_eq(op, SLICE("error")))
		return;
	if (d->prober_ready) {
		log_err("what is traced stays as it was: %.*s",
			SLICE_ARG(json_str(message, "message")));
		return;
	}
	log_err("%.*s", SLICE_ARG(json_str(message, "message")));
	daemon_end(d, EXIT_FAILURE);
}

bool daemon_prober_hear(struct daemon *d)
{
	static char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	cJSON *message;
	ssize_t n = ipc_recv(d->prober_fd, text, fds);

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	if (n == -EAGAIN)
		return true;
	if (n <= 0)
		return false;
	message = json_parse((struct slice){ text, (size_t)n });
	take(d, message);
	cJSON_Delete(message);
	return true;
}

/* --- what the server hands on --- */

/* Written anew: nothing else that the server has said gets to the prober. */
static int write_leave(const cJSON *j, char *ret, size_t n)
{
	return snprintf(ret, n, "{\"op\":\"leave\",\"pid\":%lld,\"start_ns\":%lld}",
			(long long)json_int(j, "pid"), (long long)json_int(j, "start_ns"));
}

static int write_stop(const cJSON *j, char *ret, size_t n)
{
	uint64_t start_ns;

	if (!slice_u64(json_str(j, "start"), &start_ns) || !cJSON_IsNumber(json_at(j, "uid")))
		return -1;
	return snprintf(
		ret, n,
		"{\"op\":\"stop\",\"id\":%lld,\"uid\":%lld,\"pid\":%lld,\"start\":\"%llu\"}",
		(long long)json_int(j, "id"), (long long)json_int(j, "uid"),
		(long long)json_int(j, "pid"), (unsigned long long)start_ns);
}

/* It reads what anybody sends: nothing else of it is done. */
static void hand_on(struct daemon *d, const cJSON *message)
{
	static const struct {
		struct slice op;
		int (*write)(const cJSON *j, char *ret, size_t n);
	} ops[] = { { { "leave", 5 }, write_leave }, { { "stop", 4 }, write_stop } };
	char text[192];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (slice_eq(json_str(message, "op"), ops[i].op) && json_int(message, "pid") > 0 &&
		    ops[i].write(message, text, sizeof(text)) > 0)
			ipc_send(d->prober_fd, slice_of(text), NULL, 0);
}

void daemon_server_hear(struct daemon *d)
{
	static char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	cJSON *message;
	ssize_t n = ipc_recv(d->server_fd, text, fds);

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		close(TAKE_FD(d->server_fd));
		return;
	}
	message = json_parse((struct slice){ text, (size_t)n });
	hand_on(d, message);
	cJSON_Delete(message);
}
