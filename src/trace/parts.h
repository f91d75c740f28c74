/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this folder ask of each other; comes with state.h. */
#pragma once

#include "trace/state.h"

/* --- tree.c --- */
/* The tree of a process, or the only one there is; NULL: none, and that is counted. */
struct tree_state *tree_of(struct trace *t, struct process_key key);
struct tree_state *tree_of_scope(struct trace *t, uint32_t scope);
void tree_open(struct trace *t, const struct sonde_event *e, struct process *p);
/* Of what a SCOPE event says, as @scope; NULL where there is no room. */
struct tree_state *tree_begin(struct trace *t, const struct sonde_event *e, const cJSON *json,
			      uint32_t scope, struct process *p);
/* What is known of it late, or anew. */
void tree_describe(struct tree_state *tree, const cJSON *json);
/* Its root runs on, and nothing of it is told any more. */
void tree_left(struct tree_state *tree, uint64_t ts_ns);
void tree_exit(struct tree_state *tree, const struct process *p, uint64_t ts_ns);
/* Its open runs are told again with the next tick. */
void tree_touch(struct tree_state *tree);
void tree_tick(struct trace *t);
void tree_finish(struct tree_state *tree, uint64_t ts_ns);
void tree_free(struct tree_state *tree);

/* --- tentative.c --- */
/* FOUND and SCOPE of a scope of which nothing is kept yet. */
void tentative_found(struct trace *t, const struct sonde_found_event *e, struct process *p);
void tentative_told(struct trace *t, const struct sonde_event *e, struct slice json, uint32_t scope,
		    const struct process *p);
/* Whether the process is part of one. */
bool tentative_has(struct trace *t, const struct process *p);
/* What such a process does. */
void tentative_process(struct trace *t, const struct sonde_event *e, struct process *p);
/* It has called a model or a tool server: the run that begins with that. NULL: it is part of none.
 */
struct tree_state *tentative_calls(struct trace *t, struct process_key key);
/* Its scope is a run's from now on: what ran in it before that was told. */
void tentative_settled(struct tree_state *tree, struct process *root);
void tentative_tick(struct trace *t);
void tentative_free_all(struct trace *t);

/* --- run.c --- */
/* Begins one at the end of the tree's list, with its root span; NULL where memory is refused. */
struct run_state *run_begin(struct tree_state *tree, struct id128 id, struct process_key process,
			    uint64_t start_ns);
void run_exit(struct run_state *r, const struct process *p, uint64_t ts_ns);
void run_finish(struct run_state *r, uint64_t ts_ns);
void run_free(struct run_state *r);
/* NULL: it is not kept. */
struct run_state *run_by_id(struct tree_state *tree, const struct id128 *id);
/* Finishes and forgets one that is not the tree's first. */
void run_let_go(struct run_state *r);
void run_emit(struct run_state *r, bool force);
/* Whether the provider, or an estimate, has told any use of it; in whatever unit. */
bool usage_is_known(const struct llm_usage *u);
void run_add_call(struct run_state *r, const struct call_state *c, const struct llm_call *call,
		  bool failed, uint64_t lost);

/* --- status.c --- */
void status_decide(struct run_state *r);
/* Whether it takes longer than the configuration allows. */
bool status_is_overdue(const struct run_state *r);
/* Whether a call is in flight, or a tool's program runs. */
bool status_is_at_work(const struct run_state *r);
void status_wait(struct tree_state *tree, const struct sonde_wait_event *e);
/* Nobody waits there any more. */
void status_process_gone(struct tree_state *tree, struct process_key who);

/* --- notes.c --- */
void notes_attach(struct trace *t, struct process_key process, struct slice json);
/* How late probes came on what a process had mapped, at most; LLM_UNKNOWN: in time. */
int64_t notes_late_ms(const struct trace *t, struct process_key process);
void notes_program(struct tree_state *tree, const struct process *p);
void notes_exchange(struct tree_state *tree, const struct http_exchange *x);
void notes_connection(struct tree_state *tree, const struct connection *conn, bool was_http);
void notes_connect(struct tree_state *tree, const struct sonde_connect_event *e);
void notes_free(struct tree_state *tree);
void notes_done(struct trace *t);
/* The JSON array for struct run, in @mem. */
struct slice notes_json(struct run_state *r, struct arena *mem);

/* --- agent.c --- */
struct agent_span *agent_open(struct run_state *r, struct id64 id, struct id64 parent,
			      struct process_key process, uint64_t start_ns);
/* The same agent, in another run. */
void agent_copy_name(struct agent_span *a, const struct agent_span *from);
void agent_name(struct agent_span *a, const struct agent_identity *who);
void agent_emit(struct agent_span *a, bool final);
void agent_end(struct agent_span *a, uint64_t ts_ns);
/* It goes on although it was told as ended: it works behind the back of the call that started it.
 */
void agent_resume(struct agent_span *a);
struct agent_span *agent_by_key(struct tree_state *tree, struct slice key);
void agent_tool_ended(const struct tool_state *tool);
void agent_free(struct agent_span *a);

/* --- process_table.c --- */
struct proc_state *process_find(struct tree_state *tree, struct process_key key);
/* Whether there is room for one more; where runs come and go the oldest that has ended is let go.
 */
bool process_make_room(struct tree_state *tree);
struct proc_state *process_add(struct tree_state *tree, const struct process *p, struct id64 id,
			       uint64_t ts_ns);
/* The nearest process at or above @key that has a state; NULL: the root. */
struct proc_state *process_above(struct tree_state *tree, struct process_key key, bool self);
bool process_descends(const struct tree_state *tree, struct process_key key,
		      struct process_key from);
void process_free(struct proc_state *ps);

/* --- process.c --- */
void process_exec(struct tree_state *tree, struct process *p, uint64_t ts_ns);
/* Tells it again. */
void process_emit(struct proc_state *ps);
void process_exit(struct tree_state *tree, const struct process *p, uint64_t ts_ns);
/* It runs on, untraced; @why: enum sonde_left_why. */
void process_left(struct tree_state *tree, const struct process *p, uint32_t why, uint64_t ts_ns);
void process_late_facts(struct tree_state *tree, const struct process *p);
/* Whether it can still become a step of @r: spans do not move from one run to another. */
bool process_may_be_of(const struct proc_state *ps, const struct run_state *r);
/* Puts a program under the tool call that it carries out. */
void process_link(struct proc_state *ps, struct tool_state *tool, const char *evidence);
/* Takes it out again: a better one was found. */
void process_unlink(struct proc_state *ps);
void process_finish_all(struct tree_state *tree, uint64_t ts_ns);

/* --- tool.c --- */
/* Looks at parts of the answer that are complete and were not looked at. */
void tool_ask(struct call_state *c, const struct llm_call *call, bool all);
struct tool_result {
	struct tool_result *next;
	struct slice id, name, text;
	bool is_json, is_error;
	const struct llm_part *inside; /* what its JSON was made of, or NULL */
};
/* The waiting call that a result with that id belongs to; NULL: none, or nobody can tell. */
struct tool_state *tool_waiting(struct tree_state *tree, struct slice id, const struct id128 *nodes,
				size_t n_nodes);
/* The answer has failed: calls that it made and that nobody carries out are over. */
void tool_forget(struct call_state *c);
void tool_set_asked_node(struct call_state *c);
void tool_answer(struct call_state *c, const struct llm_call *call, const struct tool_result *res,
		 const struct id128 *nodes, size_t n_nodes);
struct tool_state *tool_by_id(struct tree_state *tree, struct id64 id);
/* The one waiting call of that process, or NULL where there is none or several. */
struct tool_state *tool_only_one(struct tree_state *tree, struct process_key process);
void tool_finish_all(struct tree_state *tree, uint64_t ts_ns);
void tool_free(struct tool_state *tool);

/* --- tool_carry.c --- */
/* The waiting call that a program carries out; ret_evidence says how sure. */
struct tool_state *tool_of_program(const struct proc_state *ps, const char **ret_evidence);
/* The one waiting call of that process whose arguments ask for what an exchange asks for. */
struct tool_state *tool_of_exchange(struct tree_state *tree, const struct http_exchange *x);
/* Whether something of that agent's that nobody accounts for, and that began at @ts_ns, may be a
 * waiting call's work. */
bool tool_may_explain(const struct tree_state *tree, const struct agent_span *a, uint64_t ts_ns);
/* Looks again at programs that have begun since then: more calls are known, or all of an answer. */
void tool_adopt(struct tree_state *tree, uint64_t since_ns);
/* Whether something is known to carry it out: what else happens is not its work. */
bool tool_is_carried(const struct tool_state *tool);
void tool_carried(struct tool_state *tool, struct proc_state *ps);
/* The opposite: it is taken out again. */
void tool_released(const struct proc_state *ps);
void tool_carrier_exited(struct proc_state *ps);

/* --- call.c --- */
void call_event(struct trace *t, enum llm_event ev, struct llm_call *call);
void call_abandon_all(struct tree_state *tree);
void call_free_orphans(struct trace *t);

/* --- live.c --- */
/* Tells of another state than before. */
void live_run(struct run_state *r);
/* Tells what of the answer is new and safe to show. */
void live_pieces(struct call_state *c, const struct llm_call *call, bool last);
void live_free(struct call_state *c);

/* --- duplicate.c --- */
void duplicate_init(struct trace *t);
/* The call under way that is the same as @c; NULL: none, or nobody can tell. */
struct call_state *duplicate_under_way(const struct call_state *c, const struct llm_call *call);
/* Whether another call has the same answer, and its tool calls are that one's; or may have, where
 * bytes were lost that would have told. */
bool duplicate_asks(const struct call_state *c, const struct llm_call *call);
/* Whether the answer was seen before: sets c->duplicate_of and what of c->usage counts. */
void duplicate_check(struct call_state *c, const struct llm_call *call);
/* c->cost is known: it may have to be taken back where an estimate is replaced. */
void duplicate_priced(struct call_state *c, const struct llm_call *call);

/* --- call_span.c --- */
void call_emit(struct call_state *c, const struct llm_call *call, bool final);
/* Whether the call went wrong at the other side, and what that is called. */
bool call_failed(const struct llm_call *call, struct slice *ret_type, struct slice *ret_text);

/* --- conversation.c --- */
/* Finds what the call goes on from; whether a conversation begins with it. */
bool conversation_link(struct call_state *c, const struct llm_call *call,
		       const struct explicit_ids *ids, const struct content_input *in);
/* A call of which only the answer was seen: what it goes on from is not known. */
void conversation_lost(struct call_state *c, const struct llm_call *call);
/* So that a later call can go on from this request (@answered: from its answer). */
void conversation_asked(struct call_state *c);
void conversation_answered(struct call_state *c, const struct llm_call *call,
			   const struct content_answer *answer, bool failed);
/* The answer to @c's request for a summary: what goes on from it begins with that. */
void conversation_summary(struct call_state *c, const struct llm_call *call);
void conversation_alternative(struct call_state *c, const struct content_answer *answer);
struct node_ref *conversation_response(struct tree_state *tree, struct slice response_id);
/* Its newest answer can be gone on from again. */
void conversation_enter_head(struct tree_state *tree, const struct conversation *conv);

/* --- blind.c --- */
/* A call begins of which nobody knows what it asks, nor what it goes on from. */
void blind_begin(const struct call_state *c);
/* @said: its answer's words; zero where they are not known. */
void blind_answered(const struct call_state *c, const struct id128 *said, bool failed);
/* A later call goes on from it: now it is known. */
void blind_continued(struct tree_state *tree, const struct id64 *span);
/* Whether one that nobody goes on from has said that, or may have; @said NULL: anything. */
bool blind_may_have_said(const struct tree_state *tree, const struct id128 *said);
/* Whether the answer that leads from one node of a conversation to the next may be one's. */
bool blind_may_be_between(const struct tree_state *tree, const struct id128 *asked,
			  const struct id128 *answered);
void blind_free_all(struct tree_state *tree);

/* --- conversation_table.c --- */
void conversation_init(struct tree_state *tree);
/* A new one, that the call begins; NULL where memory is refused. */
struct conversation *conversation_new(struct call_state *c, const struct llm_call *call,
				      const struct explicit_ids *ids);
/* Likewise, of which the call says nothing: a later one will (conversation_seen()). */
struct conversation *conversation_unheard(struct call_state *c, const struct llm_call *call);
void conversation_seen(struct conversation *conv, const struct call_state *c,
		       const struct llm_call *call, const struct explicit_ids *ids);
/* NULL: it was long not heard of. Marks it as used. */
struct conversation *conversation_at(struct tree_state *tree, uint64_t number);
/* By a name that only one can have; NULL: none, or several said that they have it. */
struct conversation *conversation_named(struct tree_state *tree, const char *kind,
					struct slice name, const void *more, size_t more_size);
/* While it is held it is not forgotten. */
struct conversation *conversation_hold(struct conversation *conv);
void conversation_release(struct conversation *conv);
/* As an earlier engine has left it. Takes over what @from holds. */
void conversation_restore(struct tree_state *tree, struct conversation *from);
void conversation_let_go(struct tree_state *tree, const struct run_state *r);
void conversation_free_all(struct tree_state *tree);

/* --- purpose.c --- */
/* Sets c->purpose and c->side; c->agent is known. */
void purpose_find(struct call_state *c, const struct llm_call *call, const struct explicit_ids *ids,
		  const struct content_input *in, bool begins);

/* --- turn.c --- */
/* Which run a call is part of that the process of c->agent makes: c->run, c->agent, c->parent. */
void turn_place(struct call_state *c, const struct llm_call *call, const struct explicit_ids *ids,
		const struct content_input *in);
/* A call of its run has begun, and ended. */
void turn_begin_call(struct call_state *c);
void turn_end_call(struct call_state *c, const struct llm_call *call, bool failed);
/* The one run that is worked at; NULL: several are. */
struct run_state *turn_only_one(struct tree_state *tree);
/* The agent at work in the host's newest run: whose sub-agents it has. */
struct agent_span *turn_agent(struct agent_span *host);
void turn_wait(struct tree_state *tree, const struct sonde_wait_event *e);
void turn_host_exited(struct agent_span *host, const struct process *p, uint64_t ts_ns);

/* --- inbound.c --- */
/* A request that a process of the tree serves: its head has come, and it is over. */
void inbound_begin(struct tree_state *tree, const struct http_exchange *x);
void inbound_end(struct tree_state *tree, const struct http_exchange *x);
/* The only one that the process serves; NULL: none, or several. */
const struct inbound *inbound_of(const struct tree_state *tree, struct process_key process,
				 bool *ret_any);
void inbound_free(struct tree_state *tree);

/* --- subagent.c --- */
/* Whose process makes the call, as far as that tells: c->agent, c->run, c->parent. */
void subagent_host(struct call_state *c, struct process_key process);
/* Decides whose call it is: c->agent, c->parent, c->evidence. */
void subagent_place(struct call_state *c, const struct llm_call *call,
		    const struct explicit_ids *ids, const struct content_input *in, bool begins);
/* A call of a tool has begun: it may be what has started an agent that is at work already. */
void subagent_adopt(struct tool_state *tool);
/* Whether the tool is one that starts agents. */
bool subagent_is_call(const struct tool_state *tool);
/* Whether one of its arguments is what a conversation begins with. */
bool subagent_is_told(const struct tool_state *tool, struct slice prompt);

/* --- spawned.c --- */
/* The call is over. True: it is kept, and is no longer the caller's. */
bool spawned_keep(struct tool_state *tool);
/* The one that has started an agent called @key, as its result says, or with that prompt. */
struct tool_state *spawned_find(const struct tree_state *tree, struct process_key process,
				struct slice key, struct slice prompt);
/* Its agent has come. Nothing happens where it is none of these. */
void spawned_taken(struct tool_state *tool);
/* Those of a run, which ends to be; NULL: all. */
void spawned_let_go(struct tree_state *tree, const struct run_state *r);

/* --- exchange.c --- */
void exchange_finished(struct tree_state *tree, const struct http_exchange *x);

/* --- learn.c --- */
void learn_head(struct redactor *red, const struct http_message *m);

/* Frees what @dst held and keeps a copy of @s; an empty @s and refused memory give NULL. */
void keep(char **dst, struct slice s);
