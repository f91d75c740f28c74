/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port of the web interface. It is opened by root, who reads no file that others can write:
 * what looks for a token is a process of the daemon's user.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/http_tcp.h"
#include "api/tokens.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/api_parts.h"
#include "cmd/daemon_parts.h"
#include "cmd/sandbox.h"

bool api_listens(const char *listen)
{
	return listen && *listen && strcmp(listen, "off") != 0;
}

bool api_has_token(const char *store)
{
	struct tokens t = { 0 };
	char path[PATH_MAX];
	size_t n;
	int r = tokens_path(store, TOKENS_FILE, path, sizeof(path));

	if (r == 0)
		r = tokens_read(path, &t);
	if (r < 0)
		log_errno(r, "cannot read the tokens beside '%s'", store);
	n = tokens_valid(&t, time(NULL));
	tokens_done(&t);
	return n > 0;
}

int api_refuse_open(const char *listen, const char *store)
{
	log_err("'%s' can be reached from other machines, and there is no token that they would "
		"have to show: 'sonde token add LABEL --db %s' makes one; or listen on "
		"127.0.0.1:7780",
		listen, store);
	return -EACCES;
}

static bool user_has_token(const char *store, const struct daemon_user *u)
{
	const pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(sandbox_become(u->uid, u->gid, u->name) == 0 && api_has_token(store) ? 0 : 1);
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* By the command line or the file, not by what is built in. */
bool daemon_api_asked(const struct daemon *d)
{
	const struct config *c = d->setup->c;

	for (size_t i = 0; i < config_n_settings; i++)
		if (config_settings[i].offset == offsetof(struct config, api.listen))
			return d->options.api || c->texts[i];
	return false;
}

void daemon_api_say(const struct daemon *d)
{
	char host[64];

	if (d->api_fd >= 0 && tcp_host(d->api_fd, host, sizeof(host)) == 0)
		log_info("the web interface: http://%s:%u, into which 'sonde open' prints a link",
			 host, (unsigned)tcp_port(d->api_fd));
}

int daemon_api_open(const struct config *c, const struct daemon_user *u, bool asked, int *ret)
{
	const char *listen = c->api.listen;
	_cleanup_(closep) int fd = api_listens(listen) ? tcp_listen(listen) : -1;

	*ret = -1;
	if (!api_listens(listen))
		return 0;
	if (fd == -EINVAL) {
		log_err("[api] listen takes an address and a port such as 127.0.0.1:7780, or off, "
			"not '%s'",
			listen);
		return fd;
	}
	/* Nobody asked for it, and tracing does not need it. */
	if (fd < 0 && !asked) {
		log_warn("no web interface: cannot listen on '%s': %s ([api] listen names another "
			 "port)",
			 listen, strerror(-fd));
		return 0;
	}
	if (fd < 0)
		return log_errno(fd, "cannot listen on '%s'", listen);
	if (!tcp_is_loopback(fd) && !user_has_token(c->daemon.store, u))
		return api_refuse_open(listen, c->daemon.store);
	*ret = TAKE_FD(fd);
	return 0;
}
