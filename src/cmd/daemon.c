/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde daemon`: the command line, and the order in which things are opened. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/daemon_parts.h"

static struct daemon_options given;

static const struct option_spec options[] = {
	{ "config", 0, OPTION_STRING, &given.config, "FILE",
	  "instead of /etc/sonde/sonde.conf; root's, and writable by nobody\nelse", NULL, NULL },
	{ "host", 0, OPTION_FLAG, &given.host, NULL,
	  "trace agents and model calls of all processes", NULL, NULL },
	{ "user", 0, OPTION_STRING, &given.users, "NAME[,NAME...]", "those of these users", NULL,
	  NULL },
	{ "unit", 0, OPTION_STRING, &given.units, "PATTERN[,...]",
	  "all that runs in these systemd units: 'build*.service'", NULL, NULL },
	{ "container", 0, OPTION_STRING, &given.containers, "NAME|ID[,...]",
	  "all that runs in these containers", NULL, NULL },
	{ "cgroup", 0, OPTION_STRING, &given.cgroups, "PATH[,...]",
	  "all that runs in these cgroups (version 2)", NULL, NULL },
	{ "program", 0, OPTION_STRING, &given.programs, "PATTERN[,...]",
	  "programs of these names or paths, and what they start: 'claude*'", NULL, NULL },
	{ "pid", 'p', OPTION_STRING, &given.pids, "PID[,PID...]",
	  "these processes, and what they start", NULL, NULL },
	{ "db", 0, OPTION_STRING, &given.db, "FILE", "the store to write", NULL, NULL },
	{ "socket", 0, OPTION_STRING, &given.socket, "PATH", "where commands ask the daemon", NULL,
	  NULL },
	{ "listen", 0, OPTION_STRING, &given.listen, "ADDRESS:PORT",
	  "serve /metrics there; '' not at all", NULL, NULL },
	{ "api", 0, OPTION_STRING, &given.api, "ADDRESS:PORT",
	  "serve the web interface there instead of 127.0.0.1:7780;\n'' not at all", NULL, NULL },
	{ "run-as", 0, OPTION_STRING, &given.run_as, "NAME",
	  "whom the store belongs to, and as whom traffic is read", NULL, NULL },
	{ 0 },
};

/* Our end of the log is the journal's: then lines say how bad they are. */
static void log_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	log_with_priority = strcmp(stream, mine) == 0;
}

static int open_all(struct daemon *d)
{
	const struct config *c = d->setup->c;
	int r = daemon_user_find(c->daemon.user, &d->user);

	if (r < 0)
		return r;
	d->lock_fd = daemon_store_lock(c->daemon.store, &d->user);
	if (d->lock_fd < 0)
		return d->lock_fd;
	d->socket_fd = daemon_socket_open(c->daemon.socket);
	if (d->socket_fd < 0)
		return d->socket_fd;
	if (c->prometheus.listen) {
		d->http_fd = daemon_http_open(c->prometheus.listen);
		if (d->http_fd < 0)
			return d->http_fd;
	}
	r = daemon_api_open(c, &d->user, daemon_api_asked(d), &d->api_fd);
	if (r < 0)
		return r;
	r = signals_take(&d->signals);
	return r < 0 ? log_errno(r, "cannot take signals") : 0;
}

static void close_all(struct daemon *d)
{
	if (d->socket_fd >= 0)
		unlink(d->setup->c->daemon.socket);
	closep(&d->socket_fd);
	closep(&d->http_fd);
	closep(&d->api_fd);
	closep(&d->prober_fd);
	closep(&d->server_fd);
	closep(&d->enricher_fd);
	closep(&d->engine_ready_fd);
	closep(&d->lock_fd);
	daemon_setup_free(d->setup);
}

/* 0 or -errno. */
static int share_restarts(struct daemon *d)
{
	void *p = mmap(NULL, DAEMON_CHILDREN * sizeof(*d->restarts), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return log_errno(-errno, "cannot start");
	d->restarts = p;
	return 0;
}

static int run(int argc, char **argv)
{
	struct daemon d = { .signals.fd = -1,
			    .prober_fd = -1,
			    .lock_fd = -1,
			    .socket_fd = -1,
			    .http_fd = -1,
			    .api_fd = -1,
			    .enricher_fd = -1,
			    .server_fd = -1,
			    .engine_ready_fd = -1,
			    .options = given };
	int r;

	(void)argc, (void)argv;
	log_to_journal();
	if (geteuid() != 0) {
		log_err("the daemon puts probes into the kernel: start it as root");
		return EXIT_FAILURE;
	}
	umask(022);
	prctl(PR_SET_DUMPABLE, 0);
	r = daemon_setup_read(&given, &d.setup);
	if (r < 0)
		return EXIT_USAGE;
	r = share_restarts(&d);
	if (r == 0)
		r = open_all(&d);
	if (r == 0)
		r = daemon_child_start(&d, DAEMON_ENGINE); /* and with it the prober */
	if (r == 0) {
		daemon_notify_begin(&d);
		r = daemon_loop(&d);
	} else {
		daemon_end(&d, EXIT_FAILURE);
		r = d.children[DAEMON_ENGINE].pid ? daemon_loop(&d) : EXIT_FAILURE;
	}
	close_all(&d);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command command_daemon = {
	.name = "daemon",
	.summary = "trace what runs on this host, always",
	.usage = "[options]",
	.help = "Stays in the foreground; systemd starts it (Type=notify). Only what the options "
		"and the\n"
		"configuration name is traced: what runs already and what begins later, without a\n"
		"change to it. Root's part parses no traffic; what reads it is an ordinary user's\n"
		"([daemon] user) and has no network.\n"
		"\n"
		"SIGHUP reads the configuration anew; a bad one is said, and the old one holds. "
		"SIGTERM\n"
		"and SIGINT end it: the probes are off, all that was seen is stored. Runs that go "
		"on are\n"
		"taken up again under their ids by the next daemon on the same store: so an "
		"upgrade is\n"
		"'systemctl restart sonde' with the new program in place.\n"
		"\n"
		"Where the engine dies it is started again and goes on with the runs in progress; "
		"five\n"
		"deaths of one process within a minute end the daemon, as does the prober's.\n"
		"\n"
		"The store is kept within [retention] by itself. Where more comes than can be "
		"kept up\n"
		"with, or memory runs short ([limits]), connections that nobody needs are let go "
		"first,\n"
		"then content, then calls; never how runs ended. All of it is counted.\n"
		"\n"
		"Examples:\n"
		"  sonde daemon --program 'claude*,codex*'\n"
		"  sonde daemon --unit 'agents-*.service' --listen 127.0.0.1:9464\n"
		"  sonde daemon --config /srv/agents/sonde.conf\n"
		"\n"
		"EXIT STATUS\n"
		"  0 when it was told to end, 1 where it could not go on, 2 where options or\n"
		"  configuration are wrong.\n",
	.options = options,
	.run = run,
	.max_operands = 0,
};
