/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/reader.h"
#include "export/span_json.h"
#include "llm/llm.h"

static bool json;
static const char *file;

static const struct option_spec options[] = {
	{ "config", 0, OPTION_STRING, &file, "FILE", "this file instead of the usual ones", NULL,
	  NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "one JSON object per line", NULL, NULL },
	{ 0 },
};

static void put(struct json_writer *w, const char *key, struct slice value)
{
	if (!value.n)
		return;
	json_key(w, key);
	json_put_str(w, value);
}

static void endpoint_json(const struct llm_endpoint *e)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	put(&w, "type", SLICE("endpoint"));
	put(&w, "name", e->name);
	put(&w, "host", e->host);
	put(&w, "path", e->path);
	put(&w, "format", e->format ? slice_of(llm_format_name(e->format)) : (struct slice){ 0 });
	put(&w, "provider", slice_of(e->provider));
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void print_line(const char *key, struct slice value)
{
	if (value.n)
		printf("%s = %.*s\n", key, SLICE_ARG(value));
}

static void endpoint_text(const struct llm_endpoint *e)
{
	printf("[endpoint %.*s]\n", SLICE_ARG(e->name));
	print_line("host", e->host);
	print_line("path", e->path);
	if (e->format)
		print_line("format", slice_of(llm_format_name(e->format)));
	print_line("provider", slice_of(e->provider));
	putchar('\n');
}

static void limits_json(const struct config *c)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	if (c->max_run_time_s == 0)
		return;
	json_begin(&w, '{');
	put(&w, "type", SLICE("limits"));
	json_key(&w, "max_run_time_s");
	json_put_int(&w, (int64_t)c->max_run_time_s);
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void egress_json(const struct egress_rule *rule)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	put(&w, "type", SLICE("egress"));
	put(&w, "rule", slice_of(rule->text));
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void rules_text(const struct config *c)
{
	if (c->max_run_time_s)
		printf("[limits]\nmax_run_time = %" PRIu64 "s\n\n", c->max_run_time_s);
	if (c->n_egress)
		printf("[egress]\n");
	for (size_t i = 0; i < c->n_egress; i++) {
		struct slice verb, pattern;

		if (slice_cut(slice_of(c->egress[i].text), ' ', &verb, &pattern))
			printf("%.*s = %.*s\n", SLICE_ARG(verb), SLICE_ARG(pattern));
	}
	if (c->n_egress)
		putchar('\n');
}

static void rules_json(const struct config *c)
{
	limits_json(c);
	for (size_t i = 0; i < c->n_egress; i++)
		egress_json(&c->egress[i]);
}

static void show(const struct config *c)
{
	const struct llm_format *f;

	if (!json)
		printf("# %s\n\n", c->path ? c->path : "no file: everything is as built in");
	for (const struct llm_endpoint *e = c->endpoints; e; e = e->next) {
		if (json)
			endpoint_json(e);
		else
			endpoint_text(e);
	}
	if (json) {
		rules_json(c);
		return;
	}
	rules_text(c);
	printf("# [endpoint NAME]: a host or path of your own that model calls go to.\n"
	       "#   host      gateway.example, .example (all below it), with :PORT that one\n"
	       "#   path      end of the path; with it:\n"
	       "#   format    what is spoken there:");
	for (size_t i = 0; (f = llm_format_nth(i)); i++)
		printf("%s%s", i % 4 ? " " : "\n#               ", llm_format_name(f));
	printf("\n#   provider  who answers, for names and prices: openai, anthropic, ...\n"
	       "# [limits]\n"
	       "#   max_run_time  a run that takes longer is marked as timed out: 90s, 30m, 2h\n"
	       "# [egress]: where programs may connect to; what breaks a rule is marked, not "
	       "stopped\n"
	       "#   allow, deny   HOST, .DOMAIN (all below it), ADDRESS, NETWORK/BITS or *, with "
	       ":PORT\n"
	       "#                 that one; the first rule that fits counts, what none fits is "
	       "allowed\n");
}

static int run(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *c = NULL;

	(void)argc;
	if (strcmp(argv[0], "show") != 0 && strcmp(argv[0], "check") != 0) {
		log_err("'sonde config' takes 'check' or 'show', not '%s'", argv[0]);
		return EXIT_USAGE;
	}
	if (config_load(file, &c) < 0) /* has said why */
		return 1;
	if (strcmp(argv[0], "show") == 0)
		show(c);
	else if (!json)
		printf("%s: good\n", c->path ? c->path : "no configuration file");
	return reader_finish(0);
}

const struct command command_config = {
	.name = "config",
	.summary = "what the configuration file says, and whether it can be read",
	.usage = "check | show",
	.help = "check says what is wrong with the file, with the line; show prints what holds, "
		"and what\n"
		"can be set.\n"
		"\n"
		"The file is --config FILE, else $SONDE_CONFIG, else ~/.config/sonde/sonde.conf, "
		"else\n"
		"/etc/sonde/sonde.conf. It is needed only for hosts and paths that sonde cannot "
		"know:\n"
		"\n"
		"  [endpoint gateway]\n"
		"  host = llm.corp.example\n"
		"  path = /infer\n"
		"  format = openai.chat\n"
		"  provider = openai\n"
		"\n"
		"and for rules of your own, which sonde watches and never enforces:\n"
		"\n"
		"  [limits]\n"
		"  max_run_time = 30m\n"
		"\n"
		"  [egress]\n"
		"  allow = .openai.com:443\n"
		"  allow = 127.0.0.0/8\n"
		"  deny = *\n"
		"\n"
		"EXIT STATUS\n"
		"  0, 1 where the file cannot be read, 2 where the options are wrong.\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = 1,
};
