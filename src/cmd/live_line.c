/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/live_line.h"

#include <unistd.h>

#include "cmd/screen.h"
#include "export/json_put.h"
#include "export/span_json.h"

static struct json_writer begin(struct buf *ret, uint64_t n, const char *type)
{
	struct json_writer w = { .out = ret };

	ret->n = 0;
	json_begin(&w, '{');
	json_key(&w, "n");
	json_put_int(&w, (int64_t)n);
	json_key(&w, "type");
	json_put_str(&w, slice_of(type));
	return w;
}

/* Of a line about a run: who may see it. */
static struct json_writer begin_of(struct buf *ret, uint64_t n, const char *type,
				   const uint32_t *uid)
{
	struct json_writer w = begin(ret, n, type);

	if (uid) {
		json_key(&w, "uid");
		json_put_int(&w, *uid);
	}
	return w;
}

static int end(struct json_writer *w)
{
	json_end(w, '}');
	return w->r ? w->r : buf_add(w->out, SLICE("\n"), SIZE_MAX);
}

static void put_run(struct json_writer *w, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE];

	id128_hex(id, hex);
	put_text(w, "run", slice_of(hex));
}

int live_line_hello(struct buf *ret, uint64_t newest)
{
	struct json_writer w = begin(ret, newest, "hello");

	put_count(&w, "engine", getpid());
	put_text(&w, "sonde", slice_of(SONDE_VERSION));
	return end(&w);
}

int live_line_status(struct buf *ret, uint64_t newest,
		     void (*put)(void *ctx, struct json_writer *w), void *ctx)
{
	struct json_writer w = begin(ret, newest, "status");

	put_count(&w, "engine", getpid());
	put_text(&w, "sonde", slice_of(SONDE_VERSION));
	if (put)
		put(ctx, &w);
	return end(&w);
}

int live_line_missed(struct buf *ret, uint64_t from, uint64_t to)
{
	struct json_writer w = begin(ret, to, "missed");

	put_count(&w, "from", (int64_t)from);
	put_count(&w, "to", (int64_t)to);
	return end(&w);
}

int live_line_run(struct buf *ret, uint64_t n, const uint32_t *uid, const struct run *run)
{
	struct json_writer w = begin_of(ret, n, "run", uid);

	json_key(&w, "run");
	run_json(&w, run, NULL);
	return end(&w);
}

int live_line_step(struct buf *ret, uint64_t n, const uint32_t *uid, const struct span *span,
		   const struct step *st, const struct step *below)
{
	struct json_writer w = begin_of(ret, n, "step", uid);

	put_run(&w, &span->run_id);
	put_text(&w, "step", slice_of(st ? step_look_name(st) : step_name(span->step)));
	if (below)
		put_text(&w, "below", slice_of(step_name(below->kind)));
	if (st) {
		put_text(&w, "label", st->label);
		put_text(&w, "detail", st->detail);
	}
	put_yes(&w, "final", span->final);
	json_key(&w, "span");
	span_json(&w, span, NULL);
	return end(&w);
}

int live_line_state(struct buf *ret, uint64_t n, const uint32_t *uid,
		    const struct live_change *change)
{
	struct json_writer w = begin_of(ret, n, "state", uid);

	put_run(&w, &change->run_id);
	put_text(&w, "state", slice_of(live_state_names[change->state]));
	if (change->state == LIVE_ENDED)
		put_text(&w, "status", slice_of(run_status_name(change->status)));
	put_text(&w, "reason", change->reason);
	put_count(&w, "time_unix_nano", (int64_t)change->ts_ns);
	put_count(&w, "input_tokens", change->input_tokens);
	put_count(&w, "output_tokens", change->output_tokens);
	if (change->cost_pico_usd > 0) {
		json_key(&w, "cost_usd");
		json_put_raw(&w, slice_of(format_usd(change->cost_pico_usd).s));
	}
	return end(&w);
}

int live_line_piece(struct buf *ret, uint64_t n, const uint32_t *uid,
		    const struct live_piece *piece)
{
	struct json_writer w = begin_of(ret, n, "piece", uid);
	char hex[ID64_HEX_SIZE];

	put_run(&w, &piece->run_id);
	id64_hex(&piece->span_id, hex);
	put_text(&w, "span", slice_of(hex));
	put_text(&w, "kind", slice_of(live_piece_names[piece->kind]));
	put_count(&w, "part", piece->part);
	put_text(&w, "name", piece->name);
	put_text(&w, "text", piece->text);
	put_yes(&w, "last", piece->last);
	put_yes(&w, "cut", piece->cut);
	return end(&w);
}
