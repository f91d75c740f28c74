/* SPDX-License-Identifier: BSD-2-Clause */
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

static void egress_text(const struct config *c)
{
	printf("[egress]\n"
	       "# Where programs may connect to; what breaks a rule is marked, not stopped.\n"
	       "# allow, deny = HOST, .DOMAIN (all below it), ADDRESS, NETWORK/BITS or *, with\n"
	       "# :PORT that one; the first rule that fits counts, what none fits is allowed.\n");
	for (size_t i = 0; i < c->n_egress; i++) {
		struct slice verb, pattern;

		if (slice_cut(slice_of(c->egress[i].text), ' ', &verb, &pattern))
			printf("%.*s = %.*s\n", SLICE_ARG(verb), SLICE_ARG(pattern));
	}
	putchar('\n');
}

static void endpoint_help(void)
{
	const struct llm_format *f;

	printf("# [endpoint NAME]: a host or path of your own that model calls go to.\n"
	       "#   host      gateway.example, .example (all below it), with :PORT that one\n"
	       "#   path      end of the path; with it:\n"
	       "#   format    what is spoken there:");
	for (size_t i = 0; (f = llm_format_nth(i)); i++)
		printf("%s%s", i % 4 ? " " : "\n#               ", llm_format_name(f));
	printf("\n#   provider  who answers, for names and prices: openai, anthropic, ...\n\n");
}

/* --- settings, of the whole or of one sink --- */

/* A section, and what the file says of it. */
struct shown {
	const struct config_setting *settings;
	size_t n;
	const char *section, *name; /* @name: the sink's, NULL */
	const char *const *texts;   /* NULL: nothing is said of it, only what could be */
	const char *path;
};

static void setting_json(const struct shown *of, const struct config_setting *s, const char *text)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	put(&w, "type", SLICE("setting"));
	put(&w, "section", slice_of(of->section));
	put(&w, "name", slice_of(of->name));
	put(&w, "key", slice_of(s->key));
	put(&w, "value", slice_of(text ? text : s->builtin));
	put(&w, "source", text ? slice_of(of->path) : SLICE("built in"));
	put(&w, "help", slice_of(s->help));
	json_end(&w, '}');
	json_line(&w, stdout);
}

static void choices_text(const struct config_setting *s)
{
	for (size_t i = 0; s->choices && s->choices[i]; i++)
		printf("%s%s", i ? ", " : ": ", s->choices[i]);
}

/* As it would stand in the file; what is not set is a comment. */
static void setting_text(const struct shown *of, const struct config_setting *s, const char *text)
{
	const char *value = text ? text : s->builtin;

	printf("# %s", s->help);
	choices_text(s);
	printf(" (%s)\n%s%s =%s%s\n",
	       text    ? of->path
	       : value ? "built in"
		       : "not set",
	       value && of->texts ? "" : "#", s->key, value ? " " : "", value ? value : "");
}

static void section_show(const struct shown *of)
{
	if (!json)
		printf("%s[%s%s%s]\n", of->texts ? "" : "#", of->section, of->name ? " " : "",
		       of->name ? of->name : "");
	for (size_t i = 0; i < of->n; i++) {
		const struct config_setting *s = &of->settings[i];

		if (strcmp(s->section, of->section) != 0)
			continue;
		(json ? setting_json : setting_text)(of, s, of->texts ? of->texts[i] : NULL);
	}
	if (!json)
		putchar('\n');
}

static void sections_show(const struct config *c)
{
	struct shown of = { config_settings, config_n_settings, NULL, NULL, c->texts, c->path };

	for (size_t i = 0; i < config_n_settings; i++) {
		if (of.section && strcmp(of.section, config_settings[i].section) == 0)
			continue;
		of.section = config_settings[i].section;
		section_show(&of);
	}
}

static void sinks_show(const struct config *c)
{
	struct shown of = { .settings = config_sink_settings,
			    .n = config_n_sink_settings,
			    .path = c->path };

	for (const struct sink_config *s = c->sinks; s; s = s->next) {
		of.section = config_sink_sections[s->kind];
		of.name = s->name;
		of.texts = s->texts;
		section_show(&of);
	}
	for (int kind = SINK_OTLP; !json && kind <= SINK_NDJSON; kind++) {
		of.section = config_sink_sections[kind];
		of.name = "NAME";
		of.texts = NULL;
		section_show(&of);
	}
}

static void show(const struct config *c)
{
	if (!json)
		printf("# %s\n\n", c->path ? c->path : "no file: everything is as built in");
	sections_show(c);
	sinks_show(c);
	for (const struct llm_endpoint *e = c->endpoints; e; e = e->next)
		(json ? endpoint_json : endpoint_text)(e);
	if (json) {
		for (size_t i = 0; i < c->n_egress; i++)
			egress_json(&c->egress[i]);
		return;
	}
	endpoint_help();
	egress_text(c);
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
	.help = "check says what is wrong with the file, with the line; show prints every "
		"setting,\n"
		"its value, where that is from and what it means, as a file that can be used.\n"
		"\n"
		"The file is --config FILE, else $SONDE_CONFIG, else ~/.config/sonde/sonde.conf, "
		"else\n"
		"/etc/sonde/sonde.conf. The daemon's own settings stand there, and hosts and "
		"paths\n"
		"that sonde cannot know:\n"
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
