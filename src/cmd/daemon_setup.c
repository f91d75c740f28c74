/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor is root and reads one file. Whoever could write that file could have root's
 * prober read any process, so it is believed only where nobody but root can have written it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/config_event.h"
#include "cmd/daemon_parts.h"
#include "cmd/prices_file.h"

#define CONFIG_PATH "/etc/sonde/sonde.conf"
#define PRICES_PATH "/etc/sonde/prices.json"

DEFINE_CLEANUP(struct daemon_setup *, daemon_setup_free)

void daemon_setup_free(struct daemon_setup *s)
{
	if (!s)
		return;
	config_free(s->c);
	price_free(s->prices);
	buf_done(&s->event);
	buf_done(&s->watch);
	free(s->path);
	free(s);
}

/* Whether only root can have written what @fd is open on. */
static int check_owner(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return log_errno(-errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode)) {
		log_err("'%s' is no regular file", path);
		return -EINVAL;
	}
	if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	log_err("'%s' can be changed by others than root, who could then trace anybody: chown "
		"root:root '%s' && chmod go-w '%s'",
		path, path, path);
	return -EPERM;
}

static int read_file(const char *path, struct buf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[16384];
	ssize_t n;
	int r;

	if (fd < 0)
		return log_errno(-errno, "cannot read the configuration in '%s'", path);
	r = check_owner(fd, path);
	while (r == 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			return log_errno(-errno, "cannot read '%s'", path);
		r = buf_add(ret, (struct slice){ chunk, (size_t)n }, CONFIG_MAX);
		if (r < 0)
			log_errno(r, "'%s' is too large", path);
	}
	return r;
}

static int find_file(const struct daemon_options *o, struct daemon_setup *s)
{
	const char *env = getenv("SONDE_CONFIG"), *path = o->config ? o->config : env;

	if (!path || !*path)
		path = access(CONFIG_PATH, F_OK) == 0 ? CONFIG_PATH : NULL;
	s->path = path ? strdup(path) : NULL;
	return path && !s->path ? -ENOMEM : 0;
}

static int parse(struct daemon_setup *s)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct config_error err;
	int r = s->path ? read_file(s->path, &text) : 0;

	if (r < 0)
		return r;
	r = config_parse(buf_slice(&text), s->path, &s->c, &err);
	if (r < 0 && r != -ENOMEM && s->path)
		log_err("%s:%u: %s", s->path, err.line, err.text);
	else if (r < 0)
		log_errno(r, "cannot read the configuration");
	return r;
}

static void apply(const struct daemon_options *o, struct config *c)
{
	if (o->db)
		c->daemon.store = o->db;
	if (o->run_as)
		c->daemon.user = o->run_as;
	if (o->socket)
		c->daemon.socket = o->socket;
	if (o->listen)
		c->prometheus.listen = *o->listen ? o->listen : NULL;
	if (o->api)
		c->api.listen = *o->api ? o->api : NULL;
}

static int check_paths(const struct config *c)
{
	if (c->daemon.store && c->daemon.store[0] == '/' && c->daemon.socket &&
	    c->daemon.socket[0] == '/')
		return 0;
	log_err("the store and the socket of a daemon need a path from the root: '%s', '%s'",
		c->daemon.store ? c->daemon.store : "", c->daemon.socket ? c->daemon.socket : "");
	return -EINVAL;
}

/* Root's own file, by the same rule as the configuration; none is needed. */
static int load_prices(struct daemon_setup *s)
{
	const char *env = getenv("SONDE_PRICES"), *path = env && *env ? env : PRICES_PATH;
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0 && errno == ENOENT && path != env)
		return prices_builtin(&s->prices);
	if (fd < 0)
		return log_errno(-errno, "cannot read the prices in '%s'", path);
	r = check_owner(fd, path);
	return r < 0 ? r : prices_load(path, &s->prices);
}

int daemon_setup_event(struct daemon_setup *s)
{
	const struct config_event e = {
		.content = (enum content_level)s->c->daemon.content,
		.content_limit = s->c->daemon.content_limit,
		.media_limit = s->c->daemon.media_limit,
		.llm_content = true,
		.memory_content = true,
		.tool_content = true,
		.memory_bytes = s->c->memory_bytes,
	};
	int r;

	s->event.n = 0;
	r = config_event_write(&e, s->prices, s->c, &s->event);
	return r < 0 ? log_errno(r, "cannot write down the configuration") : 0;
}

int daemon_setup_read(const struct daemon_options *o, struct daemon_setup **ret)
{
	_cleanup_(daemon_setup_freep) struct daemon_setup *s = calloc(1, sizeof(*s));
	int r = s ? find_file(o, s) : -ENOMEM;

	if (r < 0)
		return log_errno(r, "cannot look for the configuration");
	r = parse(s);
	if (r == 0) {
		apply(o, s->c);
		r = check_paths(s->c);
	}
	if (r == 0)
		r = daemon_watch_add(o, s->c);
	if (r == 0)
		r = daemon_watch_write(s->c, &s->watch);
	if (r == 0)
		r = load_prices(s);
	if (r == 0)
		r = daemon_setup_event(s);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}
