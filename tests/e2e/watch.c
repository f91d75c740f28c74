/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prober of a daemon with an engine and nothing else, for testing what rules let in.
 *
 *	watch [-r RECORDING] [-d STORE] [-o LOG] WATCH
 *
 * WATCH: the "watch" object of sonde/control.h. Prints "READY" (or what the prober says instead)
 * and sends each line of its standard input to the prober; the end of that ends it. LOG: what the
 * prober says.
 */
#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ipc.h"
#include "cmd/engine.h"
#include "probe/prober.h"

#define READY_S 120

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static void send_text(int fd, const char *text, int fd_along)
{
	if (ipc_send(fd, slice_of(text), fd_along < 0 ? NULL : &fd_along, fd_along >= 0) < 0)
		die("the prober has gone");
}

static void send_start(int fd, const char *watch, int for_prober)
{
	cJSON *j = cJSON_CreateObject(), *rules = cJSON_Parse(watch), *scope;
	char *text;

	if (!rules)
		die(watch);
	cJSON_AddStringToObject(j, "op", "start");
	cJSON_AddArrayToObject(j, "env");
	cJSON_AddItemToObject(j, "watch", rules);
	scope = cJSON_AddObjectToObject(j, "scope");
	cJSON_AddStringToObject(scope, "owner", "daemon");
	cJSON_AddStringToObject(cJSON_AddObjectToObject(j, "config"), "content", "full");
	text = cJSON_PrintUnformatted(j);
	send_text(fd, text, for_prober);
	cJSON_Delete(j);
	free(text);
}

static bool wait_ready(int fd)
{
	static char text[IPC_MAX + 1];
	int fds[IPC_FDS_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = -1;

	if (poll(&p, 1, READY_S * 1000) == 1)
		n = ipc_recv(fd, text, fds);
	text[n > 0 ? n : 0] = '\0';
	printf("%s\n", strstr(text, "\"ready\"") ? "READY" : text);
	fflush(stdout);
	return strstr(text, "\"ready\"");
}

static pid_t fork_prober(int launcher, int engine, int other)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(engine);
	close(other);
	close(STDIN_FILENO);
	_exit(prober_main(launcher));
}

static pid_t fork_engine(const struct engine_config *c, int fd, int a, int b)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(a);
	close(b);
	close(STDIN_FILENO);
	_exit(engine_live(c, fd));
}

int main(int argc, char **argv)
{
	struct engine_config c = { 0 };
	int launcher[2], engine[2], o, status = 125;
	pid_t prober, reader;
	char line[IPC_MAX];

	while ((o = getopt(argc, argv, "r:d:o:")) != -1) {
		if (o == 'r')
			c.record_path = optarg;
		else if (o == 'd')
			c.db_path = optarg;
		else if (o != 'o' || !freopen(optarg, "w", stderr))
			return 125;
	}
	if (price_read(price_builtin(), &c.prices, NULL) < 0)
		die("prices");
	if (ipc_pair(launcher) < 0 || ipc_pair(engine) < 0)
		die("socketpair");
	prober = fork_prober(launcher[1], engine[0], engine[1]);
	reader = fork_engine(&c, engine[0], launcher[0], launcher[1]);
	close(launcher[1]);
	close(engine[0]);
	send_start(launcher[0], argv[optind], engine[1]);
	close(engine[1]);
	if (wait_ready(launcher[0])) {
		while (fgets(line, sizeof(line), stdin)) {
			line[strcspn(line, "\n")] = '\0';
			send_text(launcher[0], line, -1);
		}
		status = 0;
		send_text(launcher[0], "{\"op\":\"exited\",\"code\":0}", -1);
	}
	close(launcher[0]);
	waitpid(prober, NULL, 0);
	waitpid(reader, NULL, 0);
	return status;
}
