/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launcher and an engine for testing the prober alone: runs a command under it and writes what
 * comes out of the ring and the socket.
 *
 *	capture [-b RING_BYTES] [-c LEVEL] [-d DIR] [-F] [-g] [-p MS] [-P MS] [-q] [-v N] --
 *COMMAND... -c LEVEL the content level -d DIR	the bytes of each connection and direction, at their
 *positions: DIR/CONN.in, .out -F	nothing of files -g	prints "READY PROBER COMMAND" (pids)
 *and waits for a line on stdin before the command runs -p MS	does not read for so long after the
 *first data -P MS	does not read before so long after the command began -q	only totals -v N
 *a verdict, count only, for each connection after N of its data events
 *
 * One line per event on stdout: kind, process, then what is particular to it; totals at the end.
 * The exit status is the command's.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ipc.h"
#include "probe/prober.h"
#include "sonde/event.h"

#define BUSY	   (1u << 31) /* the kernel's ring buffer record header */
#define DISCARD	   (1u << 30)
#define CONNS_MAX  4096
#define READ_MS	   20
#define DEADLINE_S 120

struct ring {
	volatile unsigned long *consumer;
	const volatile unsigned long *producer;
	const char *data;
	size_t mask;
};

static struct {
	size_t ring_bytes;
	const char *dir, *level;
	int pause_ms, delay_ms, verdict_after;
	bool quiet, gate, no_files;
} opt = { .ring_bytes = 32 << 20 };

static struct ring ring;
static struct sonde_shared *shared;
static int engine_fd = -1;
static uint64_t n_kind[64], data_bytes[2], gap_bytes[8], paused_until, records;
static bool ended, paused;
static struct conn {
	uint64_t id;
	int n; /* data events */
	unsigned int pid;
	struct {
		uint64_t next, data, gap; /* next: the position that must come */
		uint64_t holes, overlaps; /* bytes: neither told as data nor as gap; told twice */
	} dir[2];
} conns[CONNS_MAX];

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list ap;

	if (opt.quiet)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

static void save(const struct sonde_data_event *d)
{
	char path[PATH_MAX];
	int fd;

	if (!opt.dir || !d->len)
		return;
	snprintf(path, sizeof(path), "%s/%" PRIu64 ".%s", opt.dir, (uint64_t)d->conn,
		 d->dir == SONDE_DIR_OUT ? "out" : "in");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, d->data, d->len, (off_t)d->pos) != (ssize_t)d->len)
		die(path);
	close(fd);
}

static struct conn *conn_of(uint64_t id, unsigned int pid)
{
	size_t i = 0;

	while (i < CONNS_MAX - 1 && conns[i].id && conns[i].id != id)
		i++;
	conns[i].id = id;
	conns[i].pid = pid;
	return &conns[i];
}

static void cover(struct conn *c, int dir, uint64_t pos, uint64_t len)
{
	if (pos > c->dir[dir].next)
		c->dir[dir].holes += pos - c->dir[dir].next;
	if (pos < c->dir[dir].next)
		c->dir[dir].overlaps += c->dir[dir].next - pos;
	c->dir[dir].next = pos + len;
}

static void on_data(const struct sonde_data_event *d)
{
	struct conn *c = conn_of(d->conn, d->hdr.tgid);

	data_bytes[d->dir] += d->len;
	say(" conn=%" PRIu64 " dir=%s pos=%" PRIu64 " len=%u call=%u source=%u%s\n",
	    (uint64_t)d->conn, d->dir ? "out" : "in", (uint64_t)d->pos, d->len, d->call_len,
	    d->source, d->flags & SONDE_DATA_EOF ? " eof" : "");
	save(d);
	cover(c, d->dir, d->pos, d->len);
	c->dir[d->dir].data += d->len;
	if (++c->n == opt.verdict_after) {
		struct sonde_verdict_event v = {
			.hdr = { .kind = SONDE_EV_VERDICT, .size = sizeof(v) },
			.conn = d->conn,
			.verdict = SONDE_VERDICT_COUNT_ONLY,
		};

		ipc_send(engine_fd, (struct slice){ (char *)&v, sizeof(v) }, NULL, 0);
	}
	if (opt.pause_ms && !paused) {
		paused = true;
		paused_until = now_ms() + (uint64_t)opt.pause_ms;
	}
}

static void on_gap(const struct sonde_gap_event *g)
{
	struct conn *c = conn_of(g->conn, g->hdr.tgid);

	gap_bytes[g->reason & 7] += g->len;
	cover(c, g->dir, g->pos, g->len);
	c->dir[g->dir].gap += g->len;
	say(" conn=%" PRIu64 " dir=%s pos=%" PRIu64 " len=%" PRIu64 " reason=%u\n",
	    (uint64_t)g->conn, g->dir ? "out" : "in", (uint64_t)g->pos, (uint64_t)g->len,
	    g->reason);
}

static void on_exec(const struct sonde_exec_event *x)
{
	const char *cwd = x->text + x->path_len, *argv = cwd + x->cwd_len;

	say(" parent=%u flags=%u path=%s cwd=%s argv=", x->parent_tgid, x->flags,
	    x->path_len ? x->text : "", x->cwd_len ? cwd : "");
	for (size_t i = 0; i < x->argv_len; i += strlen(argv + i) + 1)
		say("[%s]", argv + i);
	say("\n");
}

static void on_conn(const struct sonde_conn_event *c)
{
	const uint8_t *r = c->remote_addr;

	say(" conn=%" PRIu64
	    " source=%u flags=%u family=%u local=%u remote=%u.%u.%u.%u:%u path=%.108s\n",
	    (uint64_t)c->conn, c->source, c->flags, c->family, c->local_port, r[0], r[1], r[2],
	    r[3], c->remote_port, c->path);
}

static void on_file(const struct sonde_file_event *f)
{
	static const char *const ops[] = { "?",		  "written",	    "renamed", "removed",
					   "made_folder", "removed_folder", "linked",  "refused" };

	say(" %s result=%d flags=%u bytes=%" PRIu64 " size=%" PRIu64 " dev=%" PRIu64 " ino=%" PRIu64
	    " path=%s path2=%s\n",
	    f->op < sizeof(ops) / sizeof(*ops) ? ops[f->op] : "?", f->result, f->flags,
	    (uint64_t)f->bytes, (uint64_t)f->size, (uint64_t)f->dev, (uint64_t)f->ino,
	    f->path_len ? f->text : "", f->path2_len ? f->text + f->path_len : "");
}

static void on_artifact(const struct sonde_artifact_event *a)
{
	char hex[2 * sizeof(a->sha256) + 1];

	for (size_t i = 0; i < sizeof(a->sha256); i++)
		snprintf(hex + 2 * i, 3, "%02x", a->sha256[i]);
	say(" state=%u size=%" PRIu64 " offset=%u len=%u sha256=%s path=%s\n", a->state,
	    (uint64_t)a->size, a->offset, a->len, hex, a->path_len ? a->text : "");
}

static void on_signal(const struct sonde_signal_event *s)
{
	say(" signal=%d code=%d sender=%u %" PRIu64 " comm=%.16s\n", s->signal, s->code,
	    s->sender_tgid, (uint64_t)s->sender_start_ns, s->comm);
}

static const char *kind_name(unsigned int kind)
{
	static const char *const names[64] = {
		[SONDE_EV_HOST] = "HOST",	 [SONDE_EV_CLOCK] = "CLOCK",
		[SONDE_EV_CONFIG] = "CONFIG",	 [SONDE_EV_END] = "END",
		[SONDE_EV_SCOPE] = "SCOPE",	 [SONDE_EV_FORK] = "FORK",
		[SONDE_EV_EXEC] = "EXEC",	 [SONDE_EV_EXIT] = "EXIT",
		[SONDE_EV_PROC] = "PROC",	 [SONDE_EV_DATA] = "DATA",
		[SONDE_EV_GAP] = "GAP",		 [SONDE_EV_CONN_OPEN] = "OPEN",
		[SONDE_EV_CONN_CLOSE] = "CLOSE", [SONDE_EV_CONN_LINK] = "LINK",
		[SONDE_EV_CONNECT] = "CONNECT",	 [SONDE_EV_ATTACH] = "ATTACH",
		[SONDE_EV_TLS_HELLO] = "HELLO",	 [SONDE_EV_CONN_USE] = "USE",
		[SONDE_EV_FILE] = "FILE",	 [SONDE_EV_ARTIFACT] = "ARTIFACT",
		[SONDE_EV_SIGNAL] = "SIGNAL",	 [SONDE_EV_WAIT] = "WAIT",
	};

	return kind < 64 && names[kind] ? names[kind] : "?";
}

static void on_event(const struct sonde_event *e)
{
	n_kind[e->kind % 64]++;
	say("%s %u/%u %" PRIu64, kind_name(e->kind), e->tgid, e->tid, (uint64_t)e->start_ns);
	switch (e->kind) {
	case SONDE_EV_DATA:
		on_data((const void *)e);
		return;
	case SONDE_EV_GAP:
		on_gap((const void *)e);
		return;
	case SONDE_EV_FORK: {
		const struct sonde_fork_event *f = (const void *)e;

		say(" child=%u %" PRIu64 "\n", f->child_tgid, (uint64_t)f->child_start_ns);
		return;
	}
	case SONDE_EV_EXEC:
		on_exec((const void *)e);
		return;
	case SONDE_EV_EXIT: {
		const struct sonde_exit_event *x = (const void *)e;

		say(" code=%d signal=%d cpu_ms=%" PRIu64 "\n", x->code, x->signal,
		    (uint64_t)(x->utime_ns + x->stime_ns) / 1000000);
		return;
	}
	case SONDE_EV_CONN_OPEN:
	case SONDE_EV_CONN_CLOSE:
		on_conn((const void *)e);
		return;
	case SONDE_EV_CONN_LINK: {
		const struct sonde_link_event *l = (const void *)e;

		say(" tls=%" PRIu64 " sock=%" PRIu64 " evidence=%u\n", (uint64_t)l->tls,
		    (uint64_t)l->sock, l->evidence);
		return;
	}
	case SONDE_EV_CONNECT: {
		const struct sonde_connect_event *c = (const void *)e;

		say(" result=%d family=%u port=%u path=%.108s\n", c->result, c->family, c->port,
		    c->path);
		return;
	}
	case SONDE_EV_TLS_HELLO: {
		const struct sonde_hello_event *h = (const void *)e;

		say(" conn=%" PRIu64 " len=%u\n", (uint64_t)h->conn, h->len);
		return;
	}
	case SONDE_EV_CONN_USE: {
		const struct sonde_use_event *u = (const void *)e;

		say(" conn=%" PRIu64 " dir=%s %s\n", (uint64_t)u->conn, u->dir ? "out" : "in",
		    u->reads ? "reads" : "writes");
		return;
	}
	case SONDE_EV_FILE:
		on_file((const void *)e);
		return;
	case SONDE_EV_ARTIFACT:
		on_artifact((const void *)e);
		return;
	case SONDE_EV_SIGNAL:
		on_signal((const void *)e);
		return;
	case SONDE_EV_WAIT: {
		const struct sonde_wait_event *w = (const void *)e;

		say(" %s %s\n", w->what == SONDE_WAIT_TERMINAL ? "terminal" : "pipe",
		    w->ends ? "ends" : "begins");
		return;
	}
	case SONDE_EV_CLOCK:
	case SONDE_EV_END:
		ended = ended || e->kind == SONDE_EV_END;
		say("\n");
		return;
	default:
		say(" %.*s\n", (int)(e->size - sizeof(*e)), (const char *)(e + 1));
	}
}

/* Everything that is complete in the ring. */
static void drain_ring(void)
{
	unsigned long at;

	if (!ring.data)
		return;
	shared->wake_pending = 0;
	at = *ring.consumer;
	while (at < __atomic_load_n(ring.producer, __ATOMIC_ACQUIRE)) {
		const char *record = ring.data + (at & ring.mask);
		uint32_t len = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);

		if (len & BUSY || (opt.pause_ms && now_ms() < paused_until))
			break;
		records++;
		if (!(len & DISCARD))
			on_event((const void *)(record + 8));
		at += ((len & ~(BUSY | DISCARD)) + 8 + 7) & ~7ul;
		__atomic_store_n(ring.consumer, at, __ATOMIC_RELEASE);
	}
}

static void map_ring(int ring_fd, int shared_fd, size_t bytes)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p;

	ring.consumer = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
	p = mmap(NULL, (size_t)page + 2 * bytes, PROT_READ, MAP_SHARED, ring_fd, page);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (ring.consumer == MAP_FAILED || p == MAP_FAILED || shared == MAP_FAILED)
		die("mmap");
	ring.producer = (void *)p;
	ring.data = p + page;
	ring.mask = bytes - 1;
}

/* False once the prober has gone. */
static bool read_socket(void)
{
	static char text[IPC_MAX + 1];
	int fds[IPC_FDS_MAX];
	ssize_t n;

	while ((n = ipc_recv(engine_fd, text, fds)) > 0) {
		if (fds[0] >= 0) {
			text[n] = '\0';
			map_ring(fds[0], fds[1], strtoul(strstr(text, "bytes\":") + 7, NULL, 10));
		} else if ((size_t)n >= sizeof(struct sonde_event)) {
			on_event((const void *)text);
		}
	}
	return n == -EAGAIN;
}

static void totals(void)
{
	printf("TOTAL data_in=%" PRIu64 " data_out=%" PRIu64 " gap_lost=%" PRIu64
	       " gap_fault=%" PRIu64 " gap_cap=%" PRIu64 " gap_verdict=%" PRIu64
	       " gap_unseen=%" PRIu64 " records=%" PRIu64 "\n",
	       data_bytes[0], data_bytes[1], gap_bytes[SONDE_GAP_LOST], gap_bytes[SONDE_GAP_FAULT],
	       gap_bytes[SONDE_GAP_CAP], gap_bytes[SONDE_GAP_VERDICT], gap_bytes[SONDE_GAP_UNSEEN],
	       records);
	for (struct conn *c = conns; c->id; c++)
		for (int d = 0; d < 2; d++)
			if (c->dir[d].next)
				printf("COVER pid=%u conn=%" PRIu64 " dir=%s end=%" PRIu64
				       " data=%" PRIu64 " gap=%" PRIu64 " holes=%" PRIu64
				       " overlaps=%" PRIu64 "\n",
				       c->pid, c->id, d ? "out" : "in", c->dir[d].next,
				       c->dir[d].data, c->dir[d].gap, c->dir[d].holes,
				       c->dir[d].overlaps);
	printf("LOSS");
	for (int i = 0; shared && i < SONDE_LOSS_NR; i++)
		printf(" %" PRIu64, (uint64_t)shared->loss[i]);
	printf("\n");
	fflush(stdout);
}

/* The command, held until a byte comes. */
static pid_t hold(char **command, int *ret_release)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		char c;

		close(fds[1]);
		if (read(fds[0], &c, 1) != 1)
			_exit(125);
		execvp(command[0], command);
		_exit(127);
	}
	close(fds[0]);
	*ret_release = fds[1];
	return pid;
}

static void send_start(int fd, pid_t pid, char **command, int for_prober)
{
	cJSON *j = cJSON_CreateObject(), *argv = cJSON_AddArrayToObject(j, "argv");
	cJSON *env = cJSON_AddArrayToObject(j, "env"), *scope = cJSON_AddObjectToObject(j, "scope");
	cJSON *config;
	char cwd[PATH_MAX], path[PATH_MAX] = "", var[PATH_MAX];
	char *dirs = strdup(getenv("PATH")), *text;

	for (char *d = strtok(dirs, ":"); d && !strchr(command[0], '/'); d = strtok(NULL, ":")) {
		snprintf(path, sizeof(path), "%s/%s", d, command[0]);
		if (access(path, X_OK) == 0)
			break;
	}
	snprintf(var, sizeof(var), "PATH=%s", getenv("PATH"));
	cJSON_AddItemToArray(env, cJSON_CreateString(var));
	for (char **a = command; *a; a++)
		cJSON_AddItemToArray(argv, cJSON_CreateString(*a));
	cJSON_AddStringToObject(j, "op", "start");
	cJSON_AddNumberToObject(j, "pid", pid);
	cJSON_AddStringToObject(j, "path", *path ? path : command[0]);
	cJSON_AddStringToObject(j, "cwd", getcwd(cwd, sizeof(cwd)));
	cJSON_AddNumberToObject(j, "ring_bytes", (double)opt.ring_bytes);
	cJSON_AddStringToObject(scope, "kind", "run");
	config = cJSON_AddObjectToObject(j, "config");
	if (opt.level)
		cJSON_AddStringToObject(config, "content", opt.level);
	if (opt.no_files)
		cJSON_AddFalseToObject(j, "files");
	text = cJSON_PrintUnformatted(j);
	if (ipc_send(fd, slice_of(text), &for_prober, 1) < 0)
		die("start");
	cJSON_Delete(j);
	free(text);
	free(dirs);
}

static bool wait_ready(int launcher_fd)
{
	static char text[IPC_MAX + 1];
	int fds[IPC_FDS_MAX];

	for (uint64_t until = now_ms() + 60000; now_ms() < until;) {
		struct pollfd p = { .fd = launcher_fd, .events = POLLIN };
		ssize_t n;

		poll(&p, 1, READ_MS);
		read_socket();
		drain_ring();
		n = ipc_recv(launcher_fd, text, fds);
		if (n == -EAGAIN)
			continue;
		text[n > 0 ? n : 0] = '\0';
		say("LAUNCHER %s\n", text);
		return strstr(text, "\"ready\"");
	}
	return false;
}

static int run(pid_t child, pid_t prober, int launcher_fd, int release)
{
	uint64_t began, until;
	int status = 0;
	bool gone = false;

	if (opt.gate) {
		char line[16];

		printf("READY %d %d\n", prober, child);
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return 125;
	}
	if (write(release, "x", 1) != 1)
		die("release");
	began = now_ms();
	until = began + DEADLINE_S * 1000;
	while (!ended && now_ms() < until) {
		struct pollfd p = { .fd = engine_fd, .events = POLLIN };
		bool reading = now_ms() >= began + (uint64_t)opt.delay_ms;

		if (!gone && waitpid(child, &status, WNOHANG) == child) {
			gone = true;
			ipc_send(launcher_fd, SLICE("{\"op\":\"exited\",\"code\":0}"), NULL, 0);
		}
		poll(&p, 1, READ_MS / 10);
		if (reading)
			drain_ring();
		if (!read_socket() && !ended) {
			printf("LOST the prober has gone\n");
			break;
		}
	}
	if (!gone)
		waitpid(child, &status, 0);
	paused_until = 0;
	drain_ring();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int launcher[2], engine[2], release, o, r = 125;
	pid_t child, prober;

	while ((o = getopt(argc, argv, "+b:c:d:Fgp:P:qv:")) != -1) {
		switch (o) {
		case 'b':
			opt.ring_bytes = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			opt.level = optarg;
			break;
		case 'F':
			opt.no_files = true;
			break;
		case 'd':
			opt.dir = optarg;
			break;
		case 'g':
			opt.gate = true;
			break;
		case 'p':
			opt.pause_ms = atoi(optarg);
			break;
		case 'P':
			opt.delay_ms = atoi(optarg);
			break;
		case 'q':
			opt.quiet = true;
			break;
		case 'v':
			opt.verdict_after = atoi(optarg);
			break;
		default:
			return 125;
		}
	}
	if (ipc_pair(launcher) < 0 || ipc_pair(engine) < 0)
		die("socketpair");
	child = hold(argv + optind, &release);
	prober = fork();
	if (prober == 0) {
		close(launcher[0]);
		close(engine[0]);
		close(engine[1]);
		close(release);
		_exit(prober_main(launcher[1]));
	}
	close(launcher[1]);
	engine_fd = engine[0];
	send_start(launcher[0], child, argv + optind, engine[1]);
	close(engine[1]);
	if (wait_ready(launcher[0]))
		r = run(child, prober, launcher[0], release);
	else
		kill(child, SIGKILL);
	totals();
	waitpid(prober, NULL, 0);
	return r;
}
