/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/step_json.h"

#include "base/util.h"
#include "export/json_put.h"

static void put_status(struct json_writer *w, const struct step *st)
{
	static const char *const names[] = { "unset", "ok", "error" };

	put_text(w, "status", slice_of(names[st->status < ARRAY_SIZE(names) ? st->status : 0]));
	put_text(w, "error", st->error);
	json_key(w, "final");
	json_put_bool(w, st->final);
}

static void put_cost(struct json_writer *w, const struct cost *c)
{
	if (c->source != COST_UNKNOWN)
		put_usd(w, c->equivalent ? "equivalent_usd" : "cost_usd", c->pico_usd);
}

static void put_loss(struct json_writer *w, const struct step *st)
{
	if (st->lost_bytes)
		put_number(w, "lost_bytes", (int64_t)st->lost_bytes);
	put_text(w, "lost_reason", st->lost_reason);
}

void step_json(struct json_writer *w, const struct step *st)
{
	json_begin(w, '{');
	put_id128(w, "run_id", &st->key.run);
	put_id64(w, "step_id", &st->key.span);
	put_id64(w, "span_id", st->kind ? &st->key.span : &st->parent_id);
	put_id64(w, "parent_id", &st->parent_id);
	put_text(w, "kind", slice_of(step_look_name(st)));
	json_key(w, "label");
	json_put_str(w, st->label);
	put_text(w, "detail", st->detail);
	put_text(w, "agent", st->agent);
	put_time_or_null(w, "start_time_unix_nano", st->start_ns);
	put_time_or_null(w, "end_time_unix_nano", st->end_ns);
	put_time(w, "asked_time_unix_nano", st->asked_ns);
	put_status(w, st);
	put_usage(w, &st->usage);
	put_cost(w, &st->cost);
	put_count(w, "first_token_ns", st->first_token_ns);
	if (st->pid)
		put_number(w, "pid", st->pid);
	put_count(w, "exit_code", st->exit_code);
	put_loss(w, st);
	put_yes(w, "unexplained", st->unexplained);
	put_yes(w, "pause", st->pause);
	put_yes(w, "again", st->again);
	put_yes(w, "quiet", st->quiet);
	put_text(w, "evidence", st->evidence);
	json_end(w, '}');
}
