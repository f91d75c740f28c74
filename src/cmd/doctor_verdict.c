/* SPDX-License-Identifier: BSD-2-Clause */
/* What `sonde doctor` says of one target in the end: how it is captured, or why not and what would
 * help. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/util.h"
#include "cmd/doctor.h"
#include "proc/proc.h"

/* What a program is run by: told by its file's name, its TLS library, or why it is refused. */
static const struct {
	const char *name, *library, *reason; /* how they begin */
	const char *runtime;
} runtimes[] = {
	{ "node", NULL, NULL, "node" },	  { "python", NULL, NULL, "python" },
	{ "bun", NULL, "Bun", "bun" },	  { "deno", NULL, NULL, "deno" },
	{ "java", NULL, "Java", "java" }, { "dotnet", NULL, NULL, ".net" },
	{ NULL, "go", "Go:", "go" },	  { NULL, "rustls", "Rust", "rust" },
};

static bool begins(const char *text, const char *with)
{
	return text && with && strncmp(text, with, strlen(with)) == 0;
}

static const char *runtime_of(const struct doctor_verdict *v)
{
	const char *slash = strrchr(v->program, '/'), *name = slash ? slash + 1 : v->program;

	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (begins(name, runtimes[i].name) ||
		    (v->target && begins(v->target->library, runtimes[i].library)) ||
		    begins(v->reason, runtimes[i].reason))
			return runtimes[i].runtime;
	return v->program[0] ? "native" : NULL;
}

static const char *cost_of(const struct probe_target *t)
{
	size_t dear = 0;

	for (size_t i = 0; i < t->n_points; i++)
		dear += t->points[i].cost != PROBE_CHEAP;
	return dear == 0 ? "cheap" : dear == t->n_points ? "classic" : "mixed";
}

/* "symbols; what all of them call" -> "symbols" */
static struct slice method_of(const struct probe_target *t)
{
	const char *evidence = t->points[0].evidence;

	return (struct slice){ evidence, strcspn(evidence, ";") };
}

static const char *advice_of(const struct doctor_verdict *v)
{
	if (v->target)
		return v->reason ? "what else it carries is only counted" : NULL;
	if (v->hidden)
		return "some files could not be opened: run it with sudo to see all";
	return "its requests are seen where its base URL is plain HTTP, through a gateway on this "
	       "machine";
}

static void put(struct json_writer *w, const char *key, struct slice value)
{
	if (value.n == 0)
		return;
	json_key(w, key);
	json_put_str(w, value);
}

static void as_json(const struct doctor_verdict *v)
{
	const struct probe_target *t = v->target;
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };

	json_begin(&w, '{');
	put(&w, "target", slice_of(v->name));
	put(&w, "program", slice_of(v->program));
	put(&w, "agent", v->agent.name);
	put(&w, "agent_version", v->agent.version);
	put(&w, "runtime", slice_of(runtime_of(v)));
	json_key(&w, "capturable");
	json_put_bool(&w, t != NULL);
	if (t) {
		put(&w, "library", slice_of(t->library));
		put(&w, "version", slice_of(t->version));
		put(&w, "method", method_of(t));
		put(&w, "cost", slice_of(cost_of(t)));
		put(&w, "confidence", slice_of(v->proved ? "proved" : "structure"));
	}
	put(&w, "reason", slice_of(v->reason));
	put(&w, "advice", slice_of(advice_of(v)));
	json_end(&w, '}');
	printf("%.*s\n", SLICE_ARG(buf_slice(&line)));
}

static void as_line(struct doctor *d, const struct doctor_verdict *v)
{
	const struct probe_target *t = v->target;
	const char *runtime = runtime_of(v);
	char who[96], what[512];

	snprintf(who, sizeof(who), "%.*s%s%.*s", SLICE_ARG(v->agent.name),
		 v->agent.version.n ? " " : "", SLICE_ARG(v->agent.version));
	if (t)
		snprintf(what, sizeof(what), "%s (%s): %s%s%s, %s, %s, %s", v->name,
			 runtime ? runtime : "?", t->library, t->version[0] ? " " : "", t->version,
			 cost_of(t), v->proved ? "proved" : "by structure",
			 v->reason ? v->reason : "all of it");
	else
		snprintf(what, sizeof(what), "%s (%s): %s", v->name, runtime ? runtime : "?",
			 v->reason ? v->reason : "?");
	doctor_say(d, t ? v->reason ? FINDING_WARN : FINDING_OK : FINDING_FAIL,
		   who[0] ? who : "program", what, advice_of(v));
}

void doctor_verdict(struct doctor *d, const struct doctor_verdict *v)
{
	d->verdicts++;
	if (d->json)
		as_json(v);
	else if (d->brief)
		as_line(d, v);
	d->failed |= d->json && !v->target;
}
