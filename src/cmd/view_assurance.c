/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run was held to, in a few lines: struct run's assurance. */
#include <stdio.h>

#include "base/json.h"
#include "base/util.h"
#include "cmd/view.h"

#define TEXT_MAX (1u << 16)

static void add(struct buf *b, const char *between, struct slice s)
{
	if (b->n)
		buf_add(b, slice_of(between), TEXT_MAX);
	text_clean(b, s, 0);
}

static void add_list(struct buf *b, const char *what, const cJSON *list)
{
	const char *between = "";
	const cJSON *one;

	if (cJSON_GetArraySize(list) == 0)
		return;
	add(b, ", ", slice_of(what));
	cJSON_ArrayForEach (one, list) {
		buf_add(b, slice_of(between), TEXT_MAX);
		text_clean(b, slice_of(cJSON_GetStringValue(one)), 0);
		between = "+";
	}
}

/* "no-new-privs, seccomp filter, own user+net namespaces", or that there is none. */
static void sandbox_text(struct buf *b, const cJSON *j)
{
	const cJSON *sandbox = json_at(j, "sandbox");
	const struct slice caps = json_str(sandbox, "capabilities");
	const int64_t confined = json_int(j, "confined_programs");
	char text[64];

	if (sandbox) {
		if (slice_eq(json_str(sandbox, "seccomp"), SLICE("filter")))
			add(b, ", ", SLICE("seccomp filter"));
		if (cJSON_IsTrue(json_at(sandbox, "no_new_privs")))
			add(b, ", ", SLICE("no new privileges"));
		add_list(b, "own namespaces ", json_at(sandbox, "namespaces"));
		if (cJSON_IsTrue(json_at(sandbox, "read_only_root")))
			add(b, ", ", SLICE("read-only root"));
		if (b->n == 0)
			add(b, "", SLICE("none"));
		if (caps.n && !slice_eq(caps, SLICE("none")))
			add(b, "; capabilities ", caps);
	}
	if (confined) {
		snprintf(text, sizeof(text), "%lld program%s with another one", (long long)confined,
			 confined == 1 ? "" : "s");
		add(b, "; ", slice_of(text));
	}
}

/* "3 allowed, 1 denied: evil.example:443 (deny *)" */
static void egress_text(struct buf *b, const cJSON *egress)
{
	static const char *const verdicts[] = { "allowed", "denied", "undecided" };
	const char *between = ": ";
	const cJSON *one;
	char text[64];

	for (size_t i = 0; egress && i < ARRAY_SIZE(verdicts); i++) {
		const int64_t n = json_int(egress, verdicts[i]);

		snprintf(text, sizeof(text), "%lld %s", (long long)n, verdicts[i]);
		if (n)
			add(b, ", ", slice_of(text));
	}
	cJSON_ArrayForEach (one, json_at(egress, "not_allowed")) {
		const struct slice rule = json_str(one, "rule");

		buf_add(b, slice_of(between), TEXT_MAX);
		text_clean(b, json_str(one, "peer"), 0);
		buf_add(b, SLICE(" ("), TEXT_MAX);
		text_clean(b, rule.n ? rule : json_str(one, "verdict"), 0);
		buf_add(b, SLICE(")"), TEXT_MAX);
		between = ", ";
	}
}

/* "to connect ECONNREFUSED 2; to write EACCES 1" */
static void refused_text(struct buf *b, const cJSON *refused)
{
	static const struct {
		const char *key, *says;
	} kinds[] = { { "connect", "to connect" }, { "file", "to write" } };
	const cJSON *one;
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *between = " ";

		if (!json_at(refused, kinds[i].key))
			continue;
		add(b, "; ", slice_of(kinds[i].says));
		cJSON_ArrayForEach (one, json_at(refused, kinds[i].key)) {
			snprintf(text, sizeof(text), "%s%.32s %lld", between, one->string,
				 (long long)one->valuedouble);
			text_clean(b, slice_of(text), 0);
			between = ", ";
		}
	}
}

static void print(const struct screen *s, const char *title, const struct buf *text)
{
	if (text->n)
		fprintf(s->f, "  %-7s %.*s\n", title, SLICE_ARG(buf_slice(text)));
}

void assurance_print(const struct screen *s, const struct run *run)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(run->assurance);
	_cleanup_(buf_done) struct buf sandbox = { 0 }, egress = { 0 }, refused = { 0 };

	sandbox_text(&sandbox, j);
	egress_text(&egress, json_at(j, "egress"));
	refused_text(&refused, json_at(j, "refused"));
	print(s, "sandbox", &sandbox);
	print(s, "egress", &egress);
	print(s, "refused", &refused);
}
