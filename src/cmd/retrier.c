/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process of `sonde serve` that runs commands again. It is forked before the server gives up
 * new privileges (sudo needs them), is told nothing but a run's id, and looks in the store itself.
 * What it starts is `sonde retry`, in a session of its own, with a log beside the store; it goes on
 * when the server ends.
 *
 *	server: {"id":N,"run":"32 hex digits","by":"..."}
 *	answer: {"id":N,"error":N,"pid":N,"run":"32 hex digits of the new one","why":"..."}
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/reader.h"
#include "cmd/retry.h"
#include "cmd/screen.h"
#include "sonde/control.h"

#define CHILDREN_MAX 8	   /* at once; as many logs are kept */
#define SHOW_MS	     15000 /* for the new run to stand in the store */
#define LOOK_MS	     200
#define SLACK_MS     100 /* between the clock of runs and ours */
#define LOOK_AT	     50	 /* runs that began since */
#define TAIL_MAX     1600

struct child {
	pid_t pid; /* 0: free */
	struct id128 run;
	char log[PATH_MAX];
	int status; /* as wait() has it, once it has gone */
};

struct retrier {
	int fd;
	const char *path; /* of the store */
	struct child children[CHILDREN_MAX];
	size_t next; /* whose log is the oldest */
};

/* What is answered. */
struct outcome {
	int r;
	pid_t pid;
	struct id128 run;
	char why[2048];
};

static int64_t now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- children --- */

static bool has_gone(struct child *c)
{
	if (c->pid && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->pid = 0;
	return !c->pid;
}

/* A free one for @run; -EBUSY where it is run already, or too many are. */
static int room_for(struct retrier *x, const struct id128 *run, struct child **ret,
		    struct outcome *out)
{
	*ret = NULL;
	for (size_t i = 0; i < CHILDREN_MAX; i++) {
		struct child *c = &x->children[(x->next + i) % CHILDREN_MAX];

		if (!has_gone(c) && id128_eq(&c->run, run)) {
			snprintf(out->why, sizeof(out->why),
				 "it is being run again already, by process %d", c->pid);
			return -EBUSY;
		}
		if (!c->pid && !*ret)
			*ret = c;
	}
	if (*ret)
		return 0;
	snprintf(out->why, sizeof(out->why), "%d that were run again go on still", CHILDREN_MAX);
	return -EBUSY;
}

/* A new file: what an earlier one still writes to its own disturbs nobody. */
static int make_log(const char *path)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int open_log(const struct retrier *x, struct child *c)
{
	_cleanup_(closep) int fd = -1;
	int r;

	if (snprintf(c->log, sizeof(c->log), "%s-retry-%zu.log", x->path,
		     (size_t)(c - x->children)) >= (int)sizeof(c->log))
		return -ENAMETOOLONG;
	r = retry_as_person();
	fd = r < 0 ? r : make_log(c->log);
	r = retry_as_self();
	return r < 0 ? r : TAKE_FD(fd);
}

static _Noreturn void be_retry(const char *path, const char *run, int log)
{
	static const char *const argv0 = "sonde";
	const char *const argv[] = { argv0, "retry", "--db", path, run, NULL };
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid(); /* no terminal's signals */
	if (null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO &&
	    dup2(log, STDOUT_FILENO) == STDOUT_FILENO &&
	    dup2(log, STDERR_FILENO) == STDERR_FILENO &&
	    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		execv("/proc/self/exe", (char *const *)argv);
	_exit(SONDE_EXIT_FAILURE);
}

static int start(struct retrier *x, struct child *c, const struct id128 *run, int log)
{
	char hex[ID128_HEX_SIZE];

	id128_hex(run, hex);
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		be_retry(x->path, hex, log);
	if (c->pid < 0) {
		c->pid = 0;
		return -errno;
	}
	c->run = *run;
	c->status = 0;
	return 0;
}

/* --- what came of it --- */

/* The last words of a log, from the start of a line. */
static void read_tail(int fd, char *ret, size_t size)
{
	const off_t end = lseek(fd, 0, SEEK_END);
	const off_t from = end > TAIL_MAX ? end - TAIL_MAX : 0;
	ssize_t n;
	char *at;

	*ret = '\0';
	if (end <= 0 || (size_t)TAIL_MAX >= size)
		return;
	n = pread(fd, ret, TAIL_MAX, from);
	ret[n > 0 ? n : 0] = '\0';
	at = strchr(ret, '\n'); /* the first is cut, or is the audit's */
	if (at)
		memmove(ret, at + 1, strlen(at + 1) + 1);
	for (size_t len = strlen(ret); len && ret[len - 1] == '\n'; len--)
		ret[len - 1] = '\0';
}

struct looking {
	struct store_reader *reader;
	const struct id128 *run;
	struct id128 candidates[LOOK_AT];
	size_t n;
};

static int take_candidate(void *ctx, const struct run *run)
{
	struct looking *l = ctx;

	if (l->n < LOOK_AT)
		l->candidates[l->n++] = run->run_id;
	return 0;
}

/* The one that began since and says that it is another go. */
static bool find_new(const struct retrier *x, const struct id128 *run, int64_t since_ms,
		     struct id128 *ret)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	const struct store_filter since = { .since_ns = (uint64_t)(since_ms - SLACK_MS) * 1000000u,
					    .limit = LOOK_AT };
	struct looking l = { 0 };
	struct store_error err;
	bool found = false;

	if (store_reader_open(x->path, &reader, &err) < 0 ||
	    store_runs(reader, &since, take_candidate, &l) < 0)
		return false;
	for (size_t i = l.n; i-- > 0 && !found;) {
		struct started s;

		found = started_read(reader, &l.candidates[i], &s) == 0 &&
			id128_eq(&s.retry_of, run);
		started_done(&s);
		if (found)
			*ret = l.candidates[i];
	}
	return found;
}

static bool is_failure(int status)
{
	const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	return !WIFEXITED(status) || (code >= SONDE_EXIT_FAILURE && code <= SONDE_EXIT_NOT_FOUND);
}

/* Until it has shown itself, or has ended without. */
static void watch(const struct retrier *x, struct child *c, int log, int64_t since_ms,
		  struct outcome *out)
{
	const int64_t until = now_ms(CLOCK_MONOTONIC) + SHOW_MS;
	bool gone, shown;

	do {
		struct pollfd p = { .fd = x->fd };

		if (poll(&p, 1, LOOK_MS) > 0)
			return; /* nobody waits for it any more */
		gone = has_gone(c);
		shown = find_new(x, &c->run, since_ms, &out->run);
	} while (!gone && !shown && now_ms(CLOCK_MONOTONIC) < until);
	if (shown || !gone || !is_failure(c->status))
		return;
	out->r = -ECHILD;
	read_tail(log, out->why, sizeof(out->why));
	if (!*out->why)
		snprintf(out->why, sizeof(out->why), "it ended at once, and has not said why");
}

/* --- a question --- */

static int check(struct retrier *x, const struct id128 *run, struct outcome *out)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	_cleanup_(started_done) struct started s = { 0 };
	struct store_error err;
	char why[RETRY_WHY] = "";
	int r = store_reader_open(x->path, &reader, &err);

	if (r == 0)
		r = started_read(reader, run, &s);
	if (r == 0)
		r = retry_check(&s, x->path, why);
	if (r < 0)
		snprintf(out->why, sizeof(out->why), "%s", *why ? why : strerror(-r));
	return r;
}

/* A line for whoever asks later who had that done: in the server's log, and above what it prints.
 */
static void audit(const struct child *c, int log, const struct id128 *run, const char *by,
		  const struct outcome *out)
{
	char hex[ID128_HEX_SIZE], text[512];
	int n;

	id128_hex(run, hex);
	if (out->r < 0) {
		log_info("%s asked to run %s again: not done: %s", by, hex, out->why);
		return;
	}
	log_info("%s asked to run %s again: process %d, which writes to '%s'", by, hex, c->pid,
		 c->log);
	n = snprintf(text, sizeof(text),
		     "sonde: run again at %" PRId64 " (Unix s), asked for by %s\n",
		     now_ms(CLOCK_REALTIME) / 1000, by);
	if (n > 0 && write(log, text, (size_t)n) < 0)
		log_errno(-errno, "cannot write '%s'", c->log);
}

static void log_text(const char *what, const char *text)
{
	_cleanup_(buf_done) struct buf clean = { 0 };

	text_clean(&clean, slice_of(text), 0);
	log_info("%s: %.*s", what, SLICE_ARG(buf_slice(&clean)));
}

static void do_retry(struct retrier *x, const struct id128 *run, const char *by,
		     struct outcome *out)
{
	const int64_t since_ms = now_ms(CLOCK_REALTIME);
	_cleanup_(closep) int log = -1;
	struct child *c;

	out->r = room_for(x, run, &c, out);
	if (out->r == 0)
		out->r = check(x, run, out);
	if (out->r == 0) {
		log = open_log(x, c);
		out->r = log < 0 ? log : start(x, c, run, log);
		if (out->r < 0)
			snprintf(out->why, sizeof(out->why), "%s", strerror(-out->r));
	}
	audit(c, log, run, by, out);
	if (out->r < 0)
		return;
	x->next = (size_t)(c - x->children + 1) % CHILDREN_MAX;
	out->pid = c->pid;
	watch(x, c, log, since_ms, out);
	if (out->r < 0)
		log_text("running it again failed", out->why);
}

static void send_outcome(const struct retrier *x, int64_t id, const struct outcome *out)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct json_writer w = { .out = &text, .max = IPC_MAX };
	char hex[ID128_HEX_SIZE];

	id128_hex(&out->run, hex);
	json_begin(&w, '{');
	json_key(&w, "id");
	json_put_int(&w, id);
	json_key(&w, "error");
	json_put_int(&w, -out->r);
	json_key(&w, "pid");
	json_put_int(&w, out->pid);
	json_key(&w, "run");
	json_put_str(&w, slice_of(hex));
	json_key(&w, "why");
	json_put_str(&w, slice_of(out->why));
	json_end(&w, '}');
	if (w.r == 0)
		ipc_send(x->fd, buf_slice(&text), NULL, 0);
}

static void answer(struct retrier *x, struct slice text)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(text);
	struct outcome out = { 0 };
	struct id128 run;

	if (id128_parse(json_str(j, "run"), &run) < 0) {
		out.r = -EINVAL;
		snprintf(out.why, sizeof(out.why), "that is no run");
	} else {
		do_retry(x, &run, json_str(j, "by").p ? json_str(j, "by").p : "somebody", &out);
	}
	send_outcome(x, json_int(j, "id"), &out);
}

static int wait_ms(struct retrier *x)
{
	bool any = false;

	for (size_t i = 0; i < CHILDREN_MAX; i++)
		any |= !has_gone(&x->children[i]);
	return any ? 1000 : -1;
}

_Noreturn void retrier_main(int fd, const char *path)
{
	static struct retrier x;
	static char text[IPC_MAX];
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	x.fd = fd;
	x.path = path;
	setsid(); /* Ctrl-C is the server's: our end is that of the socket */
	prctl(PR_SET_NAME, "sonde-retry");
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int fds[IPC_FDS_MAX];
		ssize_t n;

		if (poll(&p, 1, wait_ms(&x)) <= 0)
			continue;
		n = ipc_recv(fd, text, fds);
		for (size_t i = 0; i < IPC_FDS_MAX; i++)
			closep(&fds[i]);
		if (n > 0)
			answer(&x, (struct slice){ text, (size_t)n });
		else if (n != -EAGAIN && n != -EMSGSIZE)
			_exit(0); /* the server has ended */
	}
}
