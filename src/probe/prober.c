// SPDX-License-Identifier: BSD-2-Clause
#include "probe/prober.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/util.h"
#include "probe/artifacts.h"
#include "probe/attach.h"
#include "probe/capture.h"
#include "probe/describe.h"
#include "probe/features.h"
#include "probe/files.h"
#include "probe/join.h"
#include "probe/outbox.h"
#include "probe/privileges.h"
#include "probe/report.h"
#include "probe/tracefs.h"
#include "probe/watch.h"
#include "sonde/control.h"

#define CLOCK_CHECK_MS 1000
#define CLOCK_JUMP_NS  10000000
#define JOIN_AGAIN_NS  1000000000
#define SWEEP_NS       1000000000
#define END_TIMEOUT_MS 2000
#define WARNINGS_MAX   16
#define ARGS_MAX       8192

struct prober {
	int launcher_fd, engine_fd;
	struct features features;
	struct capture *capture;
	struct attachments *attachments;
	struct outbox *outbox;
	struct files files;
	struct artifacts *artifacts; /* NULL: what is written is not read */
	struct watch *watch;	     /* may be NULL */
	struct join *join;	     /* NULL: a command is traced from its start */
	struct report_process root;
	int64_t clock_offset; /* as last told */
	char *warnings[WARNINGS_MAX];
	size_t n_warnings;
	uint64_t dropped;   /* of the outbox, already counted */
	uint64_t joined_ns; /* when last was looked for more */
	uint64_t swept_ns;  /* when last probes were looked through */
	char refusal[512];  /* why tracing is impossible */
	bool ended;
	bool check_over; /* a process has ended: it may have been the last */
};

__attribute__((format(printf, 2, 3))) static void warn(struct prober *p, const char *fmt, ...)
{
	va_list ap;

	if (p->n_warnings == WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&p->warnings[p->n_warnings], fmt, ap) >= 0)
		p->n_warnings++;
	va_end(ap);
}

/* --- towards the launcher --- */

static void send_json(int fd, struct json_writer *w, struct buf *text)
{
	if (w->r == 0)
		ipc_send(fd, buf_slice(text), NULL, 0);
	buf_done(text);
}

static void say_ready(struct prober *p)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = IPC_MAX };

	json_begin(&w, '{');
	json_key(&w, "op");
	json_put_str(&w, SLICE("ready"));
	json_key(&w, "warnings");
	json_begin(&w, '[');
	for (size_t i = 0; i < p->n_warnings; i++)
		json_put_str(&w, slice_of(p->warnings[i]));
	json_end(&w, ']');
	json_end(&w, '}');
	send_json(p->launcher_fd, &w, &text);
}

static void say_error(struct prober *p)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = IPC_MAX };

	json_begin(&w, '{');
	json_key(&w, "op");
	json_put_str(&w, SLICE("error"));
	json_key(&w, "message");
	json_put_str(&w, slice_of(p->refusal));
	json_end(&w, '}');
	send_json(p->launcher_fd, &w, &text);
}

/* What was joined has ended: the launcher decides, as with a command. */
static void say_over(const struct prober *p)
{
	ipc_send(p->launcher_fd, SLICE("{\"op\":\"over\"}"), NULL, 0);
}

/* --- start --- */

static int send_ring(struct prober *p)
{
	const int fds[] = { capture_ring_fd(p->capture), capture_shared_fd(p->capture) };
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"ring\",\"bytes\":%zu}",
		 capture_ring_bytes(p->capture));
	return ipc_send(p->engine_fd, slice_of(text), fds, ARRAY_SIZE(fds));
}

/* An array of strings as execve() takes one; the strings stay in the JSON. */
static const char **string_array(const cJSON *array)
{
	const char **ret = calloc(ARGS_MAX + 1, sizeof(*ret));
	const cJSON *item;
	size_t n = 0;

	if (!ret)
		return NULL;
	cJSON_ArrayForEach (item, array) {
		if (cJSON_IsString(item) && n < ARGS_MAX)
			ret[n++] = item->valuestring;
	}
	return ret;
}

static const char *text_of(const cJSON *j, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, name));

	return s ? s : "";
}

static int prepare_files(struct prober *p, const cJSON *start)
{
	const char **argv = string_array(json_at(start, "argv"));
	const char **env = string_array(json_at(start, "env"));
	const struct command_line c = { .path = text_of(start, "path"),
					.cwd = text_of(start, "cwd"),
					.argv = argv,
					.env = env };
	int r = -ENOMEM;

	if (argv && env)
		r = files_prepare(&p->files, p->root, &c);
	free(argv);
	free(env);
	return r;
}

static int load(struct prober *p, const struct capture_wanted *wanted)
{
	_cleanup_(closep) int tracefs = -1;
	size_t missing;
	int r = features_probe(&p->features);

	if (r < 0)
		return r;
	if (features_refusal(&p->features, p->refusal, sizeof(p->refusal)))
		return -EPERM;
	r = capture_new(&p->features, wanted, &p->capture, p->refusal, sizeof(p->refusal));
	if (r < 0)
		return r;
	tracefs = tracefs_open();
	r = capture_attach(p->capture, tracefs, &missing);
	if (r < 0) {
		snprintf(p->refusal, sizeof(p->refusal), "cannot follow processes: %s",
			 strerrordesc_np(-r));
		return r;
	}
	if (!p->features.tracefs || !p->features.task_pt_regs)
		warn(p, "plain HTTP is not seen: %s",
		     p->features.tracefs ? "this kernel is older than 5.15"
					 : "tracefs cannot be opened");
	else if (missing)
		warn(p, "%zu kinds of system call are not seen on this kernel", missing);
	if (wanted->files && p->features.tracefs && p->features.task_pt_regs &&
	    !capture_has_files(p->capture))
		warn(p, "what is done with files is not seen: this kernel refuses the probes");
	return 0;
}

/* What comes before all other events. */
static void introduce(struct prober *p, const cJSON *start)
{
	report_host(p->outbox);
	p->clock_offset = report_clock(p->outbox);
	report_config(p->outbox, json_at(start, "config"));
}

/* A command that is held and will run. */
static int begin_command(struct prober *p, const cJSON *start)
{
	int r;

	p->root.tgid = (pid_t)json_int(start, "pid");
	if (!privileges_may_trace(p->launcher_fd, p->root.tgid)) {
		snprintf(p->refusal, sizeof(p->refusal), "process %d is not yours to trace",
			 p->root.tgid);
		return -EPERM;
	}
	p->root.start_ns = capture_start_of(p->capture, p->root.tgid);
	if (!p->root.start_ns) {
		snprintf(p->refusal, sizeof(p->refusal), "the command's process has gone");
		return -ESRCH;
	}
	report_scope(p->outbox, p->root, json_at(start, "scope"), describe_trigger(p->root.tgid));
	r = capture_scope_add(p->capture, p->root.tgid, p->root.start_ns, 1, false);
	if (r < 0)
		return r;
	capture_outside_input(p->capture, p->root.tgid);
	if (prepare_files(p, start) < 0)
		warn(p, "the command's files could not be searched for TLS beforehand");
	return 0;
}

/* Processes that run already. */
static int begin_join(struct prober *p, const cJSON *start, int *cgroup_fd)
{
	const struct join_config c = { .capture = p->capture,
				       .files = &p->files,
				       .outbox = p->outbox,
				       .launcher_fd = p->launcher_fd,
				       .scope = json_at(start, "scope") };
	int r = join_new(&c, &p->join);

	if (r == 0)
		r = join_begin(p->join, json_at(start, "join"), cgroup_fd, p->refusal,
			       sizeof(p->refusal));
	if (r == 0 && join_refused(p->join))
		warn(p, "%zu process(es) of other users are left out", join_refused(p->join));
	return r;
}

/* Its root folder; ours where none is meant. */
static int root_of(pid_t pid)
{
	char path[64] = "/";

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/root", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Whether the content of what is written belongs into the store. */
static bool keeps_artifacts(const cJSON *start)
{
	return slice_eq(json_str(start, "config.content"), SLICE("full")) &&
	       !cJSON_IsFalse(json_at(start, "config.content_tools")) &&
	       !cJSON_IsFalse(json_at(start, "files"));
}

static int begin_artifacts(struct prober *p, const cJSON *start)
{
	if (!keeps_artifacts(start) || !capture_has_files(p->capture))
		return 0;
	return artifacts_new(p->outbox, root_of(p->root.tgid), &p->artifacts);
}

static int begin(struct prober *p, const cJSON *start, int *cgroup_fd)
{
	const int64_t ring_bytes = json_int(start, "ring_bytes");
	const struct capture_wanted wanted = {
		.ring_bytes = ring_bytes > 0 ? (size_t)ring_bytes : SONDE_RING_DEFAULT_BYTES,
		.files = !cJSON_IsFalse(json_at(start, "files")),
		.copies = keeps_artifacts(start),
	};
	int r = load(p, &wanted);

	if (r < 0)
		return r;
	r = outbox_new(p->engine_fd, &p->outbox);
	if (r == 0)
		r = attachments_new(p->capture, &p->attachments);
	if (r == 0)
		r = send_ring(p);
	if (r < 0)
		return r;
	p->files = (struct files){ .attachments = p->attachments,
				   .capture = p->capture,
				   .outbox = p->outbox,
				   .cache = cache_open(NULL),
				   .user = privileges_user(p->launcher_fd) };
	introduce(p, start);
	r = json_at(start, "join") ? begin_join(p, start, cgroup_fd) : begin_command(p, start);
	if (r == 0)
		r = begin_artifacts(p, start);
	if (r < 0)
		return r;
	if (p->files.failed)
		warn(p, "probes could not be put on %zu file(s): see `sonde doctor`",
		     p->files.failed);
	return privileges_drop(!p->features.uprobe_multi);
}

/* What is installed from now on. */
static void begin_watch(struct prober *p, const cJSON *start)
{
	const char **env = string_array(json_at(start, "env"));

	p->watch = watch_new(&p->files, p->root, root_of(p->root.tgid), env);
	free(env);
}

/* Takes over what it keeps of @fds. */
static void start(struct prober *p, const cJSON *message, int *fds)
{
	int r;

	if (p->capture || fds[0] < 0) /* twice, or without an engine */
		return;
	p->engine_fd = TAKE_FD(fds[0]);
	r = begin(p, message, &fds[1]);
	if (r == 0) {
		say_ready(p);
		begin_watch(p, message);
		return;
	}
	if (!p->refusal[0] && r == -EPIPE)
		snprintf(p->refusal, sizeof(p->refusal),
			 "the engine died before the command ran; nothing was run");
	else if (!p->refusal[0])
		snprintf(p->refusal, sizeof(p->refusal),
			 "tracing could not be set up: %s; nothing was run", strerrordesc_np(-r));
	say_error(p);
	p->ended = true;
}

/* --- while it runs --- */

static void on_launcher(struct prober *p)
{
	static char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	ssize_t n = ipc_recv(p->launcher_fd, text, fds);
	cJSON *j;
	struct slice op;

	if (n == -EAGAIN)
		return;
	if (n <= 0) { /* it has gone */
		p->ended = true;
		return;
	}
	j = json_parse((struct slice){ text, (size_t)n });
	op = json_str(j, "op");
	if (slice_eq(op, SLICE("start"))) {
		start(p, j, fds);
	} else if (slice_eq(op, SLICE("exited"))) {
		p->ended = true;
	}
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	cJSON_Delete(j);
}

static void on_engine(struct prober *p)
{
	static char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	ssize_t n = ipc_recv(p->engine_fd, text, fds);
	struct sonde_verdict_event v;

	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&fds[i]);
	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EMSGSIZE)) {
		p->ended = true; /* nobody reads any more */
		return;
	}
	if (n != (ssize_t)sizeof(v))
		return;
	memcpy(&v, text, sizeof(v));
	if (v.hdr.kind == SONDE_EV_VERDICT && v.hdr.size == sizeof(v))
		capture_verdict(p->capture, v.conn, v.verdict);
}

static void on_work(void *ctx, const struct sonde_work *w)
{
	struct prober *p = ctx;
	const struct report_process who = { .tgid = (pid_t)w->tgid, .start_ns = w->start_ns };

	switch (w->kind) {
	case SONDE_WORK_EXEC:
		files_check(&p->files, who, w->ts_ns);
		if (capture_in_scope(p->capture, who.tgid, who.start_ns))
			report_proc(p->outbox, who);
		break;
	case SONDE_WORK_MAP:
		files_check(&p->files, who, w->ts_ns);
		break;
	case SONDE_WORK_FORK:
		attach_fork(p->attachments, who.tgid, (pid_t)w->inode);
		break;
	case SONDE_WORK_EXIT:
		attach_exit(p->attachments, who.tgid);
		capture_sweep(p->capture, who.tgid, who.start_ns);
		p->check_over = true;
		break;
	}
}

static void on_time(struct prober *p)
{
	const uint64_t dropped = outbox_dropped(p->outbox);
	int64_t moved;

	capture_look_for_waits(p->capture);
	if (p->artifacts)
		artifacts_turn(p->artifacts, p->capture);
	moved = clock_offset() - p->clock_offset;
	if (moved > CLOCK_JUMP_NS || moved < -CLOCK_JUMP_NS)
		p->clock_offset = report_clock(p->outbox);
	if (dropped > p->dropped)
		capture_count(p->capture, SONDE_LOSS_CONTROL, dropped - p->dropped);
	p->dropped = dropped;
}

/* Of what was joined: who has come in meanwhile, and whether anybody is left. */
static void look_after_join(struct prober *p)
{
	const uint64_t now = clock_boot();

	if (now > p->joined_ns + JOIN_AGAIN_NS) {
		join_again(p->join);
		p->joined_ns = now;
		p->check_over = true;
	}
	if (p->check_over && join_over(p->join))
		say_over(p);
	p->check_over = false;
}

enum { LAUNCHER, ENGINE, WORK, INSTALLED, SOURCES };

static void on_idle(struct prober *p)
{
	const uint64_t now = clock_boot();

	if (now < p->swept_ns + SWEEP_NS)
		return;
	attach_sweep(p->attachments);
	p->swept_ns = now;
}

static int timeout_ms(const struct prober *p)
{
	int ms = watch_timeout(p->watch, CLOCK_CHECK_MS);

	if (p->artifacts)
		ms = artifacts_timeout(p->artifacts, clock_boot(), ms);
	return p->capture && p->outbox ? capture_timeout(p->capture, ms) : ms;
}

static void run_once(struct prober *p)
{
	struct pollfd fds[SOURCES] = {
		[LAUNCHER] = { .fd = p->launcher_fd, .events = POLLIN },
		[ENGINE] = { .fd = p->engine_fd, .events = POLLIN },
		[WORK] = { .fd = p->capture ? capture_work_fd(p->capture) : -1, .events = POLLIN },
		[INSTALLED] = { .fd = watch_fd(p->watch), .events = POLLIN },
	};
	int n;

	if (p->outbox && outbox_waiting(p->outbox))
		fds[ENGINE].events |= POLLOUT;
	n = poll(fds, SOURCES, timeout_ms(p));
	if (n < 0)
		return;
	if (n == 0 && p->attachments)
		on_idle(p);
	/* First what processes did: the launcher's "exited" comes after it. */
	if (fds[WORK].revents)
		capture_work(p->capture, on_work, p);
	if (fds[ENGINE].revents & POLLOUT)
		outbox_flush(p->outbox);
	if (fds[ENGINE].revents & (POLLIN | POLLHUP | POLLERR))
		on_engine(p);
	if (fds[LAUNCHER].revents)
		on_launcher(p);
	if (fds[INSTALLED].revents)
		watch_read(p->watch);
	watch_look(p->watch);
	if (p->capture && p->outbox)
		on_time(p);
	if (p->join)
		look_after_join(p);
}

/* --- the end --- */

static void say_end(struct prober *p)
{
	uint64_t until = clock_boot() + END_TIMEOUT_MS * 1000000ull;

	report_end(p->outbox);
	while (outbox_flush(p->outbox) == -EAGAIN && clock_boot() < until) {
		struct pollfd fd = { .fd = p->engine_fd, .events = POLLOUT };

		poll(&fd, 1, 50);
	}
}

static void finish(struct prober *p)
{
	if (p->capture && p->outbox) {
		capture_work(p->capture, on_work, p);
		capture_stop(p->capture);
		if (p->artifacts)
			artifacts_finish(p->artifacts, p->capture, p->engine_fd);
		on_time(p);
		say_end(p);
	}
	/* The engine and the launcher need not wait for the probes to come off. */
	closep(&p->engine_fd);
	closep(&p->launcher_fd);
	watch_free(p->watch);
	artifacts_free(p->artifacts);
	attachments_free(p->attachments);
	cache_free(p->files.cache);
	join_free(p->join);
	outbox_free(p->outbox);
	capture_free(p->capture);
	for (size_t i = 0; i < p->n_warnings; i++)
		free(p->warnings[i]);
}

/* Keys of the terminal are for the command; the launcher says when to stop. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGINT,	SIGQUIT, SIGTERM, SIGHUP,  SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_IGN);
	setsid();
}

/* Each probe is a descriptor. */
static void raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int prober_main(int launcher_fd)
{
	struct prober p = { .launcher_fd = launcher_fd, .engine_fd = -1 };
	int r;

	ignore_signals();
	raise_limits();
	privileges_hide();
	while (!p.ended)
		run_once(&p);
	r = p.refusal[0] ? SONDE_EXIT_FAILURE : 0;
	finish(&p);
	return r;
}
