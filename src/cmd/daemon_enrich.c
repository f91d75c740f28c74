/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's enricher: what the configuration, or the pod that it runs in, says of the server. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "cmd/daemon.h"
#include "enrich/enrich.h"

#define NAMES_MAX 256

/* What charts put on everything: who and what it is. */
static const char *const default_labels[] = { "app", "app.kubernetes.io/*", "k8s-app" };

/* Of the pod that we are in: every one is told where its server is. False where this is none. */
static bool own_server(char *ret, size_t size)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"),
		   *port = getenv("KUBERNETES_SERVICE_PORT");
	const bool v6 = host && strchr(host, ':');

	if (!host || !*host)
		return false;
	return snprintf(ret, size, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
			port && *port ? port : "443") < (int)size;
}

static const char *node_name(const struct config *c, char host[HOST_NAME_MAX + 1])
{
	const char *env = getenv("NODE_NAME");

	if (c->kubernetes.node)
		return c->kubernetes.node;
	if (env && *env)
		return env;
	if (gethostname(host, HOST_NAME_MAX + 1) < 0)
		return NULL;
	host[HOST_NAME_MAX] = '\0';
	return host;
}

/* What is more than that is not configured by people. */
struct names {
	const char *list[NAMES_MAX];
	size_t n;
};

static void take(struct names *to, const struct config_list *l)
{
	for (; l && to->n < NAMES_MAX; l = l->next)
		to->list[to->n++] = l->text;
}

static void take_lists(struct enrich_config *e, const struct config *c, struct names names[3])
{
	take(&names[0], c->kubernetes.labels);
	take(&names[1], c->scope.not_namespaces);
	take(&names[2], c->scope.not_labels);
	e->labels = names[0].n ? names[0].list : default_labels;
	e->n_labels = names[0].n ? names[0].n : ARRAY_SIZE(default_labels);
	e->not_namespaces = names[1].list;
	e->n_not_namespaces = names[1].n;
	e->not_labels = names[2].list;
	e->n_not_labels = names[2].n;
}

int enricher_main(const struct config *c, int engine)
{
	struct names names[3] = { 0 };
	char server[256], host[HOST_NAME_MAX + 1] = "";
	struct enrich_config e = { .api = { .server = c->kubernetes.api_server,
					    .token_file = c->kubernetes.token_file,
					    .ca_file = c->kubernetes.ca_file },
				   .node = node_name(c, host) };
	int r;

	if (!c->kubernetes.enabled)
		return EXIT_SUCCESS;
	prctl(PR_SET_NAME, "sonde-enricher");
	if (!e.api.server && own_server(server, sizeof(server)))
		e.api.server = server;
	if (!e.api.server) {
		log_err("kubernetes: this is no pod, so that the API server is not known: set "
			"api_server in section [kubernetes]");
		return EXIT_FAILURE;
	}
	if (!e.node || !*e.node) {
		log_err("kubernetes: the name of this node is not known: set node in section "
			"[kubernetes]");
		return EXIT_FAILURE;
	}
	take_lists(&e, c, names);
	r = enrich_run(&e, engine);
	if (r == -EINVAL)
		log_err("kubernetes: api_server '%s' is no address: https://HOST:PORT is",
			e.api.server);
	else if (r < 0)
		log_errno(r, "kubernetes: cannot follow the API server");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
