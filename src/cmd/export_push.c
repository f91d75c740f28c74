/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/export_push.h"

#include <string.h>

#include "base/log.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "export/http_post.h"

#define TRIES 6

static const struct sink_config *find_sink(const struct config *c, const char *name)
{
	for (const struct sink_config *s = c->sinks; s; s = s->next)
		if (s->kind == SINK_OTLP && strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

/* A URL alone is a sink with nothing but that said of it. */
static int read_sink(const char *to, const char *option, struct export_push *ret)
{
	const struct sink_config *s;

	if (strstr(to, "://")) {
		ret->sink = (struct sink_config){
			.name = to, .endpoint = to, .gzip = true, .timeout_s = 30
		};
		return 0;
	}
	if (config_load(option, &ret->config) < 0)
		return 1;
	s = find_sink(ret->config, to);
	if (!s) {
		log_err("the configuration has no [otlp %s], and '%s' is no address that begins "
			"with https:// or http://",
			to, to);
		return EXIT_USAGE;
	}
	ret->sink = *s;
	return 0;
}

int export_push_open(const char *to, const char *option, struct export_push *ret)
{
	char why[400] = "";
	int r;

	*ret = (struct export_push){ 0 };
	r = read_sink(to, option, ret);
	if (r)
		return r;
	r = http_global_init();
	if (r == 0)
		r = otlp_sender_new(&ret->sink, "traces", NULL, &ret->push.sender, why,
				    sizeof(why));
	if (r < 0) {
		log_err("%s", why[0] ? why : strerrordesc_np(-r));
		config_free(ret->config);
		return EXIT_USAGE;
	}
	ret->push.names = (enum sink_names)ret->sink.names;
	ret->push.json = ret->sink.protocol == SINK_JSON;
	ret->push.tries = TRIES;
	return 0;
}

int export_push_end(struct export_push *p, int r)
{
	char target[256];

	otlp_target(&p->sink, "traces", target, sizeof(target));
	if (r < 0)
		log_err("%s does not take it: %s", target,
			p->push.why[0] ? p->push.why : strerrordesc_np(-r));
	else
		log_info("%lld steps were sent to %s", (long long)p->push.sent, target);
	if (p->push.refused)
		log_err("%lld steps were refused: %s", (long long)p->push.refused, p->push.why);
	if (p->push.open)
		log_info("%lld steps that are still in progress were left out",
			 (long long)p->push.open);
	otlp_sender_free(p->push.sender);
	config_free(p->config);
	return r < 0 || p->push.refused ? 1 : 0;
}
