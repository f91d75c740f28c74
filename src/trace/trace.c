/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in: facts are sorted to those who make something of them. */
#include "trace/trace.h"

#include <errno.h>

#include "base/json.h"
#include "trace/mcp.h"
#include "trace/observed/file.h"
#include "trace/observed/network.h"
#include "trace/open_state.h"
#include "trace/state.h"

#define CONTENT_LIMIT_DEFAULT 5000
#define MEDIA_LIMIT_DEFAULT   ((size_t)4 << 20)
#define NS_PER_S	      1000000000ull

int trace_new(const struct trace_sink *sink, void *ctx, struct proc *procs,
	      const struct price_table *prices, struct stats *stats, struct trace **ret)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (redactor_new(&t->redactor) < 0) {
		free(t);
		return -ENOMEM;
	}
	t->sink = sink;
	t->ctx = ctx;
	t->procs = procs;
	t->prices = prices;
	t->stats = stats;
	t->config = (struct trace_config){ .content = CONTENT_FULL,
					   .content_limit = CONTENT_LIMIT_DEFAULT,
					   .media_limit = MEDIA_LIMIT_DEFAULT,
					   .llm_content = true,
					   .memory_content = true,
					   .tool_content = true };
	content_init(&t->content);
	duplicate_init(t);
	*ret = t;
	return 0;
}

void trace_free(struct trace *t)
{
	struct tree_state *tree, *tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->trees, tree, tmp) {
		HASH_DEL(t->trees, tree);
		tree_free(tree);
	}
	tentative_free_all(t);
	call_free_orphans(t);
	resume_done(t);
	notes_done(t);
	resource_done(&t->places);
	cache_done(&t->answers);
	content_done(&t->content);
	redactor_free(t->redactor);
	free(t->egress);
	free(t->boot_id);
	free(t->host);
	free(t);
}

/* --- settings --- */

static enum content_level level_of(struct slice name)
{
	static const struct slice names[] = {
		[CONTENT_OFF] = { "off", 3 },
		[CONTENT_MINIMAL] = { "minimal", 7 },
		[CONTENT_STANDARD] = { "standard", 8 },
		[CONTENT_FULL] = { "full", 4 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_eq(name, names[i]))
			return (enum content_level)i;
	/* A level of a newer version: keep no more than the user may have wanted. */
	return name.n ? CONTENT_MINIMAL : CONTENT_FULL;
}

static bool flag(const cJSON *j, const char *name)
{
	return !cJSON_IsFalse(json_at(j, name));
}

static void configure(struct trace *t, const cJSON *j)
{
	const int64_t limit = json_int(j, "content_limit"), seconds = json_int(j, "max_run_time_s");
	const cJSON *media = json_at(j, "media_limit");

	t->config.content = level_of(json_str(j, "content"));
	t->config.content_limit = limit > 0 ? (size_t)limit : CONTENT_LIMIT_DEFAULT;
	t->config.media_limit = cJSON_IsNumber(media) && media->valuedouble >= 0
					? (size_t)json_int(j, "media_limit")
					: MEDIA_LIMIT_DEFAULT;
	t->config.llm_content = flag(j, "content_llm");
	t->config.memory_content = flag(j, "content_memory");
	t->config.tool_content = flag(j, "content_tools");
	t->config.max_run_ns = seconds > 0 ? (uint64_t)seconds * NS_PER_S : 0;
	assurance_configure(t, j);
	content_reset(&t->content);
}

void trace_content_gone(struct trace *t)
{
	content_reset(&t->content);
}

void trace_load(struct trace *t, enum sonde_load level)
{
	/* What was let go is given when it is next referred to. */
	if (t->load >= SONDE_LOAD_CONTENT && level < SONDE_LOAD_CONTENT)
		content_reset(&t->content);
	t->load = level;
}

static struct slice json_of(const struct sonde_event *e)
{
	const struct sonde_json_event *j = (const struct sonde_json_event *)e;

	return (struct slice){ j->json, e->size - sizeof(*e) };
}

static void take_settings(struct trace *t, const struct sonde_event *e)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(json_of(e));

	if (!j)
		return;
	if (e->kind == SONDE_EV_CONFIG) {
		configure(t, j);
		return;
	}
	t->host_ns = e->ts_ns;
	keep(&t->boot_id, json_str(j, "boot_id"));
	keep(&t->host, json_str(j, "hostname"));
}

/* --- processes --- */

/* A process of a container that was not begun by another one in it: docker exec. */
static struct tree_state *adopt(struct trace *t, struct process *p)
{
	struct tree_state *tree = HASH_COUNT(t->trees) == 1 ? t->trees : NULL;

	if (!tree || t->watched || !tree->adopts || p->exit_ns)
		return NULL;
	p->scope = tree->scope;
	tree->live++;
	return tree;
}

static void take_process(struct trace *t, const struct sonde_event *e, struct process *p)
{
	struct tree_state *tree = p && p->scope ? tree_of_scope(t, p->scope) : NULL;

	if (p && !p->scope)
		tree = adopt(t, p);
	if (!tree && p && tentative_has(t, p)) {
		tentative_process(t, e, p);
		return;
	}
	if (tree && tree->excluded) {
		resource_unheard(tree, e, p);
		return;
	}
	if (!tree || tree->finished) {
		if (p)
			stat_add(t->stats, STAT_TRACE_NO_RUN, 1);
		return;
	}
	switch (e->kind) {
	case SONDE_EV_FORK: /* @p is the child; a thread is none */
		tree->live += !process_key_eq(p->key, (struct process_key){ e->tgid, e->start_ns });
		break;
	case SONDE_EV_EXEC:
		process_exec(tree, p, e->ts_ns);
		break;
	case SONDE_EV_PROC:
		process_late_facts(tree, p);
		resource_process(tree, p);
		assurance_process(tree, p, json_of(e));
		break;
	case SONDE_EV_EXIT:
		tree->live -= tree->live > 0;
		status_process_gone(tree, p->key);
		if (process_key_eq(p->key, tree->root))
			tree_exit(tree, p, e->ts_ns);
		else
			process_exit(tree, p, e->ts_ns);
		break;
	default:
		break;
	}
}

static void take_left(struct trace *t, const struct sonde_left_event *e, struct process *p)
{
	struct tree_state *tree = p && p->scope ? tree_of_scope(t, p->scope) : NULL;

	if (!tree && p && tentative_has(t, p))
		tentative_process(t, &e->hdr, p);
	if (tree && !tree->finished) {
		tree->live -= tree->live > 0;
		status_process_gone(tree, p->key);
		process_left(tree, p, e->why, e->hdr.ts_ns);
	}
	if (p)
		p->scope = 0;
}

static void take_signal(struct trace *t, const struct sonde_signal_event *e, struct process *p)
{
	struct tree_state *tree = p ? tree_of(t, p->key) : NULL;

	if (tree && !tree->finished)
		signal_sent(tree, e);
}

static void take_connect(struct trace *t, const struct sonde_connect_event *e, struct process *p)
{
	struct tree_state *tree = p ? tree_of(t, p->key) : NULL;

	if (!tree || tree->finished)
		return;
	notes_connect(tree, e);
	network_connect(tree, e);
	assurance_connect(tree, e);
}

static void take_file(struct trace *t, const struct sonde_event *e, struct process *p)
{
	struct tree_state *tree = p ? tree_of(t, p->key) : NULL;

	if (!tree || tree->finished)
		return;
	if (e->kind == SONDE_EV_FILE) {
		file_event(tree, (const struct sonde_file_event *)e);
		assurance_file(tree, (const struct sonde_file_event *)e);
	} else {
		file_artifact(tree, (const struct sonde_artifact_event *)e);
	}
}

static void take_wait(struct trace *t, const struct sonde_wait_event *e, struct process *p)
{
	struct tree_state *tree = p ? tree_of(t, p->key) : NULL;

	if (!tree || tree->finished)
		return;
	turn_wait(tree, e);
	status_wait(tree, e);
}

static void take_act(struct trace *t, const struct sonde_event *e, struct process *p)
{
	struct tree_state *tree = p ? tree_of(t, p->key) : NULL;
	_cleanup_(cJSON_Deletep) cJSON *j = tree ? json_parse(json_of(e)) : NULL;

	if (j && !tree->finished && slice_eq(json_str(j, "act"), SLICE("stop")))
		signal_asked(tree, json_str(j, "user"), e->ts_ns);
}

/* What processes do, and what is done to them, besides being there. */
static void take_deed(struct trace *t, const struct sonde_event *e, struct process *p)
{
	switch (e->kind) {
	case SONDE_EV_CONNECT:
		take_connect(t, (const struct sonde_connect_event *)e, p);
		break;
	case SONDE_EV_FILE:
	case SONDE_EV_ARTIFACT:
		take_file(t, e, p);
		break;
	case SONDE_EV_SIGNAL:
		take_signal(t, (const struct sonde_signal_event *)e, p);
		break;
	case SONDE_EV_WAIT:
		take_wait(t, (const struct sonde_wait_event *)e, p);
		break;
	case SONDE_EV_ACT:
		take_act(t, e, p);
		break;
	default:
		break;
	}
}

/* --- the way in --- */

void trace_event(struct trace *t, const struct sonde_event *e, struct process *p)
{
	if (e->ts_ns > t->now_ns)
		t->now_ns = e->ts_ns;
	switch (e->kind) {
	case SONDE_EV_HOST:
	case SONDE_EV_CONFIG:
		take_settings(t, e);
		break;
	case SONDE_EV_CLOCK:
		clock_step(&t->clock, (const struct sonde_clock_event *)e);
		break;
	case SONDE_EV_SCOPE:
		tree_open(t, e, p);
		break;
	case SONDE_EV_FORK:
	case SONDE_EV_EXEC:
	case SONDE_EV_EXIT:
	case SONDE_EV_PROC:
		take_process(t, e, p);
		break;
	case SONDE_EV_FOUND:
		if (p)
			tentative_found(t, (const struct sonde_found_event *)e, p);
		break;
	case SONDE_EV_LEFT:
		take_left(t, (const struct sonde_left_event *)e, p);
		break;
	case SONDE_EV_CONNECT:
	case SONDE_EV_FILE:
	case SONDE_EV_ARTIFACT:
	case SONDE_EV_SIGNAL:
	case SONDE_EV_WAIT:
	case SONDE_EV_ACT:
		take_deed(t, e, p);
		break;
	case SONDE_EV_ATTACH:
		notes_attach(t, (struct process_key){ e->tgid, e->start_ns }, json_of(e));
		break;
	case SONDE_EV_CONTAINER:
		resource_event(t, e);
		break;
	case SONDE_EV_LOSS:
		memcpy(t->loss, ((const struct sonde_loss_event *)e)->count, sizeof(t->loss));
		break;
	case SONDE_EV_PROBER_LOST:
		t->prober_lost = true;
		break;
	case SONDE_EV_STATE:
		resume_add(t, e);
		break;
	case SONDE_EV_TICK:
		tree_tick(t);
		tentative_tick(t);
		break;
	default:
		break;
	}
}

void trace_head(struct trace *t, enum http_event ev, const struct http_exchange *x)
{
	const bool request = ev == HTTP_REQUEST_HEAD;
	const bool judged = t->n_egress && request;
	struct tree_state *tree;

	if (ev != HTTP_FINISHED)
		learn_head(t->redactor, ev == HTTP_RESPONSE_HEAD ? &x->response : &x->request);
	if (ev == HTTP_RESPONSE_HEAD || (!x->inbound && !judged))
		return;
	tree = tree_of(t, x->conn->process);
	if (!tree || tree->finished)
		return;
	if (judged)
		assurance_request(tree, x);
	if (x->inbound && request)
		inbound_begin(tree, x);
	else if (x->inbound)
		inbound_end(tree, x);
}

bool trace_is_stranger(struct trace *t, struct process_key key)
{
	const struct process *p = t->watched ? proc_find(t->procs, key) : NULL;

	return p && tentative_has(t, p);
}

void trace_call(struct trace *t, enum llm_event ev, struct llm_call *call)
{
	call_event(t, ev, call);
}

void trace_tool(struct trace *t, enum tool_event ev, struct tool_call *call)
{
	struct tree_state *tree;

	if (ev == TOOL_END) {
		mcp_end(call);
		return;
	}
	tree = tree_of(t, call->client.tgid ? call->client : call->conn->process);
	if (!tree)
		tree = tentative_calls(t, call->client.tgid ? call->client : call->conn->process);
	if (tree && !tree->finished)
		mcp_begin(tree, call);
}

void trace_exchange(struct trace *t, const struct http_exchange *x)
{
	struct tree_state *tree = tree_of(t, x->conn->process);

	learn_head(t->redactor, &x->request);
	learn_head(t->redactor, &x->response);
	if (tree && !tree->finished)
		exchange_finished(tree, x);
}

void trace_connection(struct trace *t, const struct connection *conn, bool was_http)
{
	struct tree_state *tree = tree_of(t, conn->process);

	if (!tree || tree->finished)
		return;
	notes_connection(tree, conn, was_http);
	network_closed(tree, conn);
	assurance_connection(tree, conn);
}

void trace_end(struct trace *t, uint64_t ts_ns)
{
	struct tree_state *tree;

	if (ts_ns > t->now_ns)
		t->now_ns = ts_ns;
	t->ending = true;
	for (tree = t->trees; tree; tree = tree->hh.next)
		tree_finish(tree, t->now_ns);
}
