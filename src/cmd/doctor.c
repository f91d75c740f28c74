/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/command.h"
#include "sonde/control.h"

static struct doctor doctor;
static bool all, cache = true;
static const char *container;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &doctor.json, NULL, "one JSON object per finding", NULL, NULL },
	{ "quick", 'q', OPTION_FLAG, &doctor.quick, NULL, "do not prove probe points on a child",
	  NULL, NULL },
	{ "all", 'a', OPTION_FLAG, &all, NULL, "all agents that run here or are installed", NULL,
	  NULL },
	{ "container", 0, OPTION_STRING, &container, "NAME|ID", "the processes of a container",
	  NULL, NULL },
	{ "cache", 0, OPTION_FLAG, &cache, NULL, "examine every file anew", NULL, NULL },
	{ 0 },
};

static void say_json(enum finding status, const char *check, const char *detail, const char *advice)
{
	static const char *const names[] = { "ok", "warn", "fail", "note" };
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	json_key(&w, "check");
	json_put_str(&w, slice_of(check));
	json_key(&w, "status");
	json_put_str(&w, slice_of(names[status]));
	json_key(&w, "detail");
	json_put_str(&w, slice_of(detail));
	if (advice) {
		json_key(&w, "advice");
		json_put_str(&w, slice_of(advice));
	}
	json_end(&w, '}');
	printf("%.*s\n", SLICE_ARG(buf_slice(&line)));
}

void doctor_say(struct doctor *d, enum finding status, const char *check, const char *detail,
		const char *advice)
{
	static const struct {
		const char *word;
		enum style style;
	} marks[] = { { "ok  ", STYLE_GREEN },
		      { "warn", STYLE_YELLOW },
		      { "fail", STYLE_RED },
		      { "    ", STYLE_PLAIN } };
	_cleanup_(buf_done) struct buf line = { 0 };

	d->failed |= status == FINDING_FAIL;
	if (d->json) {
		say_json(status, check, detail, advice);
		return;
	}
	text_clean(&line, slice_of(detail), 0);
	if (advice) {
		buf_add(&line, SLICE(" - "), SIZE_MAX);
		text_clean(&line, slice_of(advice), 0);
	}
	printf("%s%s%s  %-20s %.*s\n", screen_style(&d->screen, marks[status].style),
	       marks[status].word, screen_style(&d->screen, STYLE_PLAIN), check,
	       SLICE_ARG(buf_slice(&line)));
}

bool doctor_find(const char *name, char *ret, size_t size)
{
	const char *at = getenv("PATH");

	if (strchr(name, '/'))
		return snprintf(ret, size, "%s", name) < (int)size && access(ret, X_OK) == 0;
	for (at = at ? at : "/usr/bin:/bin"; *at; at += strspn(at, ":")) {
		size_t n = strcspn(at, ":");

		if (snprintf(ret, size, "%.*s/%s", (int)n, at, name) < (int)size &&
		    access(ret, X_OK) == 0)
			return true;
		at += n;
	}
	return false;
}

static bool is_number(const char *s)
{
	return s[0] && s[strspn(s, "0123456789")] == 0 && strlen(s) < 10;
}

static int run(int argc, char **argv)
{
	int r = 0;

	screen_init(&doctor.screen, stdout);
	doctor.cache = cache ? cache_open(NULL) : NULL;
	if (argc == 0 && !all && !container)
		doctor_system(&doctor);
	for (int i = 0; i < argc && r == 0; i++)
		r = is_number(argv[i]) ? doctor_process(&doctor, (int)strtol(argv[i], NULL, 10))
				       : doctor_program(&doctor, argv[i]);
	if (r == 0 && container)
		r = doctor_container(&doctor, container);
	if (r == 0 && all)
		r = doctor_all(&doctor);
	cache_free(doctor.cache);
	if (r < 0 || screen_finish(&doctor.screen) < 0)
		return SONDE_EXIT_FAILURE;
	return doctor.failed ? 1 : 0;
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "what can be captured here, and how",
	.usage = "[PROGRAM | PID]... [--container NAME|ID] [--all]",
	.help = "Without arguments: whether this kernel and these privileges allow tracing.\n"
		"With a program or process: which TLS library was found where, each address that\n"
		"would be probed and what that costs, or why the traffic cannot be read.\n"
		"With --all or --container: one line for each agent or process. As JSON every\n"
		"target ends in an object with target, agent, runtime, library, version, method,\n"
		"cost (cheap, mixed, classic), confidence (proved: on a child of its own; "
		"structure:\n"
		"by what the code looks like), or reason and advice.\n"
		"\n"
		"  sudo sonde doctor\n"
		"  sonde doctor claude\n"
		"  sudo sonde doctor 4711\n"
		"  sonde doctor --all\n"
		"\n"
		"Exit status: 0 can be captured, 1 cannot, 125 the question could not be "
		"answered.\n",
	.options = options,
	.run = run,
	.max_operands = -1,
	.usage_status = SONDE_EXIT_FAILURE,
};
