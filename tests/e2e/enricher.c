/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enricher and engine as the daemon has them, and a prober that is none: it tells of one process,
 *in the cgroup that is named, from the start until standard input ends. Root, kernel and cgroups
 *are not needed. enricher CONFIG STORE CGROUP
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/events.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/log.h"
#include "cmd/daemon.h"
#include "cmd/engine.h"

#define PID	   100
#define RING_BYTES 65536
#define NS_PER_S   1000000000ull

static union test_event ev;

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void tell(int fd, struct sonde_event *e)
{
	e->ts_ns = now(CLOCK_BOOTTIME);
	if (ipc_send(fd, (struct slice){ (const char *)e, e->size }, NULL, 0) < 0)
		exit(EXIT_FAILURE);
}

/* A ring in which nothing ever is. */
static void tell_ring(int fd)
{
	const long page = sysconf(_SC_PAGESIZE);
	int fds[2] = { memfd_create("ring", 0), memfd_create("shared", 0) };
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"ring\",\"bytes\":%d}", RING_BYTES);
	if (ftruncate(fds[0], 2 * page + 2L * RING_BYTES) < 0 || ftruncate(fds[1], page) < 0 ||
	    ipc_send(fd, slice_of(text), fds, 2) < 0)
		exit(EXIT_FAILURE);
}

static void tell_beginning(int fd, const char *cgroup)
{
	char text[4096];

	tell_ring(fd);
	tell(fd, ev_json(&ev, SONDE_EV_HOST, 0, "{\"boot_id\":\"b\",\"hostname\":\"n1\"}"));
	ev_begin(&ev, SONDE_EV_CLOCK, 0, sizeof(ev.clock));
	ev.clock.wall_ns = now(CLOCK_REALTIME);
	tell(fd, &ev.hdr);
	tell(fd, ev_json(&ev, SONDE_EV_CONFIG, 0, "{}"));
	snprintf(text, sizeof(text),
		 "{\"scope\":1,\"kind\":\"host\",\"argv\":[\"agent\"],\"cwd\":\"/"
		 "srv\",\"user\":\"u\","
		 "\"origin\":{\"cgroup\":\"%s\"}}",
		 cgroup);
	tell(fd, ev_json(&ev, SONDE_EV_SCOPE, PID, text));
	tell(fd, ev_exec(&ev, PID, "/srv/agent", "/srv", SLICE("agent")));
}

static struct config *read_config(const char *path)
{
	char text[8192];
	FILE *f = fopen(path, "re");
	struct config_error err;
	struct config *c = NULL;

	if (!f)
		exit(EXIT_FAILURE);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	if (config_parse(slice_of(text), path, &c, &err) < 0) {
		fprintf(stderr, "%s:%u: %s\n", path, err.line, err.text);
		exit(EXIT_FAILURE);
	}
	return c;
}

int main(int argc, char **argv)
{
	int prober[2], enricher[2], status = 0;
	struct config *c;
	pid_t pids[2];
	char byte;

	if (argc != 4 || ipc_pair(prober) < 0 || ipc_pair(enricher) < 0)
		return EXIT_FAILURE;
	log_max_level = LOG_INFO;
	c = read_config(argv[1]);
	pids[0] = fork();
	if (pids[0] == 0) {
		const struct engine_config engine = { .db_path = argv[2],
						      .enrich_fd = enricher[0] };

		close(prober[1]);
		close(enricher[1]);
		_exit(engine_live(&engine, prober[0]));
	}
	pids[1] = fork();
	if (pids[1] == 0) {
		close(prober[0]);
		close(prober[1]);
		close(enricher[0]);
		_exit(enricher_main(c, enricher[1]));
	}
	close(enricher[0]);
	close(enricher[1]);
	tell_beginning(prober[1], argv[3]);
	printf("%d %d\n", pids[0], pids[1]);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	tell(prober[1], ev_exit(&ev, PID, 0, 0));
	tell(prober[1], ev_plain(&ev, SONDE_EV_END, 1));
	/* The engine goes, and the enricher sees that nobody listens. */
	for (int i = 0; i < 2; i++) {
		int s = 0;

		waitpid(pids[i], &s, 0);
		status |= s;
	}
	config_free(c);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
