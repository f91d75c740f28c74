/* SPDX-License-Identifier: BSD-2-Clause */
/* The conversations of a tree, by number and by name; those that were long unused make way. */
#include "trace/state.h"

#ifndef __clang__ /* gcc does not see that what hangs in a hash is not lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define NAMES_MAX	 8192
#define SUMMARIES_MAX	 8
#define SUMMARY_MIN	 12   /* bytes; what is shorter turns up by chance */
#define SUMMARY_KEPT_MAX 1024 /* bytes that are looked for */

/* Whose a name is. */
struct name_ref {
	uint64_t conv;
	bool several;
};

static void forget(struct tree_state *tree, struct conversation *conv)
{
	HASH_DEL(tree->convs, conv);
	free(conv->session);
	free(conv->user);
	free(conv);
}

/* The longest unused one that nothing is at work in. */
static void make_room(struct tree_state *tree)
{
	struct conversation *conv = tree->convs;

	while (conv && conv->refs)
		conv = conv->hh.next;
	if (conv)
		forget(tree, conv);
}

/* --- names --- */

static struct id128 name_key(const char *kind, struct slice name, const void *more,
			     size_t more_size)
{
	struct id_hash h;

	id_hash_begin(&h, kind);
	id_hash_bytes(&h, name);
	id_hash_bytes(&h, (struct slice){ more, more_size });
	return id_hash_end(&h);
}

static void give_name(struct conversation *conv, struct tree_state *tree, const char *kind,
		      struct slice name, const void *more, size_t more_size)
{
	const struct id128 key = name_key(kind, name, more, more_size);
	struct name_ref *ref = name.n ? cache_find(&tree->conv_names, &key) : NULL;

	if (name.n == 0)
		return;
	if (ref && conversation_at(tree, ref->conv))
		ref->several = true;
	if (!ref)
		ref = cache_add(&tree->conv_names, &key);
	if (ref)
		ref->conv = conv->number;
}

struct conversation *conversation_named(struct tree_state *tree, const char *kind,
					struct slice name, const void *more, size_t more_size)
{
	const struct id128 key = name_key(kind, name, more, more_size);
	const struct name_ref *ref = name.n ? cache_find(&tree->conv_names, &key) : NULL;

	return ref && !ref->several ? conversation_at(tree, ref->conv) : NULL;
}

/* --- the table --- */

void conversation_restore(struct tree_state *tree, struct conversation *from)
{
	const uint64_t process[2] = { from->process.tgid, from->process.start_ns };
	struct conversation *conv = NULL;

	if (from->number && HASH_COUNT(tree->convs) < TREE_CONVERSATIONS_MAX &&
	    !conversation_at(tree, from->number))
		conv = calloc(1, sizeof(*conv));
	if (!conv) {
		free(from->session);
		free(from->user);
		return;
	}
	*conv = *from;
	HASH_ADD(hh, tree->convs, number, sizeof(conv->number), conv);
	if (!conv->hh.tbl) {
		free(conv->session);
		free(conv->user);
		free(conv);
		return;
	}
	give_name(conv, tree, "session", slice_of(conv->session), conv->system.b,
		  sizeof(conv->system.b));
	give_name(conv, tree, "process", (struct slice){ (const char *)process, sizeof(process) },
		  conv->system.b, sizeof(conv->system.b));
	conversation_enter_head(tree, conv);
}

struct conversation *conversation_at(struct tree_state *tree, uint64_t number)
{
	struct conversation *conv;

	HASH_FIND(hh, tree->convs, &number, sizeof(number), conv);
	if (!conv || !conv->hh.next)
		return conv;
	HASH_DEL(tree->convs, conv);
	memset(&conv->hh, 0, sizeof(conv->hh));
	HASH_ADD(hh, tree->convs, number, sizeof(conv->number), conv);
	return conv;
}

static struct id128 conversation_id(const struct call_state *c)
{
	struct id_hash h;

	id_hash_begin(&h, "conversation");
	id_hash_bytes(&h, (struct slice){ (const char *)c->tree->id.b, sizeof(c->tree->id.b) });
	id_hash_bytes(&h, (struct slice){ (const char *)c->id.b, sizeof(c->id.b) });
	return id_hash_end(&h);
}

static struct conversation *add(struct call_state *c, struct process_key who)
{
	struct tree_state *tree = c->tree;
	struct conversation *conv;

	if (HASH_COUNT(tree->convs) >= TREE_CONVERSATIONS_MAX)
		make_room(tree);
	conv = calloc(1, sizeof(*conv));
	if (!conv)
		return NULL;
	conv->number = ++tree->convs_seen;
	conv->id = conversation_id(c);
	conv->process = who;
	HASH_ADD(hh, tree->convs, number, sizeof(conv->number), conv);
	if (conv->hh.tbl)
		return conv;
	free(conv);
	return NULL;
}

static void give_names(struct conversation *conv, struct tree_state *tree,
		       const struct llm_call *call, const struct explicit_ids *ids)
{
	const uint64_t process[2] = { conv->process.tgid, conv->process.start_ns };

	give_name(conv, tree, "thread", ids->thread, NULL, 0);
	give_name(conv, tree, "session", ids->session, conv->system.b, sizeof(conv->system.b));
	give_name(conv, tree, "cache-key", call->cache_key, process, sizeof(process));
	give_name(conv, tree, "process", (struct slice){ (const char *)process, sizeof(process) },
		  conv->system.b, sizeof(conv->system.b));
}

void conversation_seen(struct conversation *conv, const struct call_state *c,
		       const struct llm_call *call, const struct explicit_ids *ids)
{
	conv->blind = false;
	conv->system = c->system_blob;
	keep(&conv->session, ids->session);
	keep(&conv->user, call->user_id);
	give_names(conv, c->tree, call, ids);
}

struct conversation *conversation_new(struct call_state *c, const struct llm_call *call,
				      const struct explicit_ids *ids)
{
	struct conversation *conv = add(c, call->http->conn->process);

	if (conv)
		conversation_seen(conv, c, call, ids);
	return conv;
}

struct conversation *conversation_unheard(struct call_state *c, const struct llm_call *call)
{
	struct conversation *conv = add(c, call->http->conn->process);

	if (conv)
		conv->blind = true;
	return conv;
}

struct conversation *conversation_hold(struct conversation *conv)
{
	if (conv)
		conv->refs++;
	return conv;
}

void conversation_release(struct conversation *conv)
{
	if (conv)
		conv->refs--;
}

void conversation_let_go(struct tree_state *tree, const struct run_state *r)
{
	spawned_let_go(tree, r);
	for (struct conversation *conv = tree->convs; conv; conv = conv->hh.next) {
		if (conv->run == r)
			conv->run = NULL;
		if (conv->agent && conv->agent->run == r)
			conv->agent = NULL;
	}
}

void conversation_init(struct tree_state *tree)
{
	cache_init(&tree->conv_names, NAMES_MAX, sizeof(struct id128), sizeof(struct name_ref));
}

/* --- what they came to --- */

static void drop_summary(struct tree_state *tree, struct summary *sum)
{
	DL_DELETE(tree->summaries, sum);
	tree->n_summaries--;
	free(sum->text);
	free(sum);
}

/* Clients take the part that is marked as the summary. */
static struct slice marked_part(struct slice text)
{
	static const struct slice open = { "<summary>", 9 }, close = { "</summary>", 10 };
	const char *from = text.n ? memmem(text.p, text.n, open.p, open.n) : NULL;
	const char *to;

	if (from)
		text = slice_from(text, (size_t)(from - text.p) + open.n);
	to = text.n ? memmem(text.p, text.n, close.p, close.n) : NULL;
	if (to)
		text.n = (size_t)(to - text.p);
	text = slice_trim(text);
	if (text.n > SUMMARY_KEPT_MAX)
		text.n = SUMMARY_KEPT_MAX;
	return text;
}

void conversation_summary(struct call_state *c, const struct llm_call *call)
{
	struct tree_state *tree = c->tree;
	struct slice text = { 0 };
	struct summary *sum;

	for (const struct llm_part *p = call->answer.parts; p; p = p->next)
		if (p->type == LLM_PART_TEXT)
			text = marked_part(buf_slice(&p->text));
	if (text.n < SUMMARY_MIN || !c->conv)
		return;
	if (tree->n_summaries >= SUMMARIES_MAX)
		drop_summary(tree, tree->summaries);
	sum = calloc(1, sizeof(*sum));
	if (!sum)
		return;
	sum->conv = c->conv->number;
	sum->process = call->http->conn->process;
	sum->text = slice_dup(text);
	DL_APPEND(tree->summaries, sum);
	tree->n_summaries++;
	if (!sum->text)
		drop_summary(tree, sum);
}

void conversation_free_all(struct tree_state *tree)
{
	while (tree->convs)
		forget(tree, tree->convs);
	while (tree->summaries)
		drop_summary(tree, tree->summaries);
	blind_free_all(tree);
	spawned_let_go(tree, NULL);
	cache_done(&tree->conv_names);
}
