/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What trace/ keeps of runs that are open; private to this folder.
 *
 * trace.c takes facts in and hands them to: run.c (a run and its totals), agent.c (invoke_agent
 * spans), process.c, call.c (LLM spans), tool.c, mcp.c, exchange.c. conversation.c links calls to
 * each other, content.c turns what was said into blobs and conversation nodes, emit.c is the only
 * way out. Times in here are boot time; emit.c turns them into Unix time. Strings that are kept are
 * malloc'ed and raw; whatever leaves passes emit_text().
 */
#pragma once

#include "base/arena.h"
#include "base/id.h"
#include "sonde/tool.h"
#include "trace/cache.h"
#include "trace/clock.h"
#include "trace/content.h"
#include "trace/hash.h"
#include "trace/identity.h"
#include "trace/redact.h"
#include "trace/trace.h"

#define RUNS_MAX	      1024 /* open at once */
#define RUN_PROCESSES_MAX     4096 /* process spans of one run; more are only counted */
#define RUN_AGENTS_MAX	      512
#define RUN_TOOLS_MAX	      1024 /* waiting at once; then the oldest is given up */
#define RUN_CALLS_MAX	      1024 /* in flight at once */
#define RUN_CONVERSATIONS_MAX 4096
#define RUN_MCP_MAX	      1024 /* calls at tool servers in flight at once */
#define RUN_HTTP_MAX	      512  /* STEP_HTTP spans of one run */
#define RUN_PEERS_MAX	      32   /* hosts and destinations that notes can name */
#define REFS_MAX	      16384 /* nodes and response ids of one run that a later call may name */
#define EMIT_EVERY_NS	      1000000000ull
#define SCRATCH_MAX	      (128u << 20) /* of one call's content while it is read */

struct trace {
	const struct trace_sink *sink;
	void *ctx;
	struct proc *procs;
	const struct price_table *prices;
	struct stats *stats;
	struct redactor *redactor;
	struct trace_config config;
	struct clock clock;
	struct content content;
	char *boot_id, *host;
	uint64_t now_ns; /* boot time of the newest event */
	uint64_t loss[SONDE_LOSS_NR];
	bool prober_lost;
	struct call_state *orphans; /* calls whose run has ended before them */
	struct run_state *runs;	    /* by scope, in order of their start */
	struct cache answers;	    /* response id -> struct answer_ref: the same call seen twice */
	struct attach_note *attached; /* libraries that could not be attached, or late */
	unsigned n_attached;
};

struct attach_note {
	struct attach_note *prev, *next;
	char *file, *reason;
	struct process_key process; /* that had mapped it */
	int64_t late_ms;
	bool ok;
};

/* An invoke_agent span: the run's root, a child process that is an agent, a sub-agent. */
struct agent_span {
	struct agent_span *prev, *next;
	struct id64 id, parent;
	char *name, *version;
	bool known;	      /* named by a table, not by its program's name */
	bool root, sub;	      /* sub: a conversation of its own inside the parent's process */
	char *key;	      /* of a sub-agent with an explicit id */
	struct id64 tool;     /* of a sub-agent: the call that started it */
	const char *evidence; /* of the link to the parent */
	const char *named_by; /* what told the name */
	struct process_key process;
	uint64_t start_ns, end_ns, last_ns; /* last_ns: its last call's end */
	int exit_code, exit_signal;
	int64_t calls;
	bool final;
};

/* A program that ran: a STEP_PROCESS span (but the root's, which the agent span stands for). */
struct proc_state {
	UT_hash_handle hh; /* by id_key */
	struct {
		uint64_t start_ns, tgid; /* the key without a hole */
	} id_key;
	struct proc_state *prev, *next;
	struct process_key key, parent_key;
	struct id64 id, parent;
	struct agent_span *agent; /* its own or the one above it */
	bool own_agent;
	bool in_tool;	   /* it or an ancestor carries out a tool call */
	struct id64 under; /* that call */
	struct id64 tool;  /* that it carries out itself; zero: none */
	const char *evidence;
	uint64_t start_ns, end_ns, cpu_ns;
	uint64_t exec_ns; /* of its newest program */
	unsigned number;  /* in order of coming */
	uint32_t execs;
	char *path, *cwd;
	struct slice argv; /* malloc'ed; NUL after each */
	bool argv_cut;
	struct buf chain; /* command lines of its other programs, NUL after each */
	int code, signal;
	bool exited, final;
};

/* A tool call that waits for its result. */
struct tool_state {
	struct tool_state *prev, *next;
	struct id64 id, parent, asked_by;
	struct agent_span *agent;
	struct conversation *conv;
	char *call_id, *name;
	char *description; /* its beginning; NULL: none, or no text is kept */
	char *command;	   /* what a process that carries it out must show (command.h), or NULL */
	struct slice args; /* malloc'ed, cut: what a sub-agent's prompt is looked for in */
	struct process_key process;
	uint64_t start_ns, end_ns;
	struct id128 asked_node; /* the conversation up to the answer that asked */
	struct id128 args_blob, result_blob;
	const char *type; /* gen_ai.tool.type */
	const char *evidence;
	bool server, asked, answered, is_error; /* asked: the answer has ended */
	struct id64 answered_to;
	struct proc_state *carrier;	   /* the first program that carries it out */
	bool by_argv;			   /* and its arguments say so */
	struct id128 args_hash;		   /* mcp.h; zero: no JSON */
	uint64_t mcp_start_ns, mcp_end_ns; /* of the call at a tool server that carries it out */
	bool by_mcp;
};

/* Calls that continue each other. */
struct conversation {
	struct conversation *prev, *next;
	struct id128 id;
	struct id128 system;	  /* system prompt of the first call; zero: none apart */
	struct agent_span *agent; /* that it belongs to */
	char *explicit_id, *session, *cache_key;
	struct process_key process;
	struct id64 last_span;
};

struct call_state {
	struct call_state *prev, *next;
	struct run_state *run;
	struct agent_span *agent;
	struct conversation *conv;
	struct id64 id, parent;
	const char *evidence, *conv_evidence;
	struct id64 continues, retry_of, duplicate_of;
	bool goes_on; /* its history holds the answer of the call that it continues */
	struct id128 session_id;
	char *conversation_id;
	struct id128 input_node, output_node, system_blob, tools_blob, raw_blob;
	struct buf alternatives; /* nodes of the answer's other choices: a JSON array */
	uint32_t input_depth;
	uint64_t emitted_ns;
	unsigned tools_opened; /* parts of the answer that were looked at */
	bool alternatives_opened;
	struct cost cost;
	struct cost table_cost; /* ours, where the provider told one */
	struct llm_usage usage;
	bool second_sight_counts; /* a duplicate, but the first to tell its usage */
	bool replaces_guess;	  /* what was counted for it is `guess` */
	struct llm_usage guess;
	struct cost guess_cost;
	const struct llm_call *call; /* lent by llm/ until LLM_END */
	struct live_call *live;	     /* live.c: what of its answer was given to who watches */
};

/* What of the outside world a run without model calls talked to. */
struct peer {
	struct peer *prev, *next;
	char *name; /* host or address:port */
	char *program;
	uint64_t count, bytes;
	bool tls;
	bool unanswered; /* the end of an attempt to connect was not told */
	int error;	 /* of an attempt to connect; 0: none */
};

struct run_state {
	UT_hash_handle hh; /* by scope */
	struct trace *t;
	struct process_key root;
	uint64_t start_ns, end_ns, emitted_ns;
	uint64_t live; /* processes */
	char *cwd, *user, *trigger, *task, *provider;
	char *source, *recorder; /* of an import: "har", and what made the file; else NULL */
	struct slice argv;	 /* NUL after each */
	struct buf models;
	struct run totals;  /* only its numbers */
	unsigned estimates; /* calls in it whose usage is one */
	int64_t http_steps, dropped_steps;

	struct agent_span *agents; /* the first is the root */
	struct proc_state *procs, *proc_list;
	struct tool_state *tools;
	struct mcp_state *mcp_calls;
	struct cache mcp_ended; /* mcp.c: what the asked end has told as over */
	struct call_state *calls;
	struct conversation *convs;
	struct peer *hosts, *sockets;
	uint64_t tls_streams;	/* whose plaintext was seen */
	uint64_t half_streams;	/* of these: one direction, whose other one is not known */
	struct cache outputs;	/* node -> struct node_ref: the conversation up to an answer */
	struct cache inputs;	/* node -> struct node_ref: what a call was asked */
	struct cache responses; /* H(response id) -> struct node_ref */

	unsigned n_agents, n_procs, n_tools, n_calls, n_convs, n_hosts, n_sockets, n_mcp;
	uint32_t handed_over; /* bits: rows of notes.c's table */
	uint32_t scope, uid;
	int exit_code, exit_signal;
	enum run_status status;
	enum live_state live_state; /* as it was told */
	struct id128 id, session_id;
	char reason[128], last_error[96];
	bool joined; /* it ran before it was traced */
	bool adopts; /* who comes without a parent that is known belongs to it */
	bool dirty, exited, finished;
	bool task_is_good; /* said to a call that had tools */
	bool writable_by_agent;
	bool last_call_failed, last_call_timed_out;
};

/* A call that a later one may continue. */
struct node_ref {
	struct conversation *conv;
	struct id64 span;
	struct id128 node;
	uint32_t depth;
	struct process_key process;
	bool continued, ambiguous, failed;
};

/* --- run.c --- */
/* The run of a process, or the only one there is; NULL: none, and that is counted. */
struct run_state *run_of(struct trace *t, struct process_key key);
struct run_state *run_of_scope(struct trace *t, uint32_t scope);
void run_open(struct trace *t, const struct sonde_event *e, struct process *p);
void run_exit(struct run_state *r, const struct process *p, uint64_t ts_ns);
void run_tick(struct trace *t);
void run_finish(struct run_state *r, uint64_t ts_ns);
void run_free(struct run_state *r);
void run_emit(struct run_state *r, bool force);
/* Whether the provider, or an estimate, has told any use of it; in whatever unit. */
bool usage_is_known(const struct llm_usage *u);
void run_add_call(struct run_state *r, const struct call_state *c, const struct llm_call *call,
		  bool failed, uint64_t lost);

/* --- status.c --- */
void status_decide(struct run_state *r);

/* --- notes.c --- */
void notes_attach(struct trace *t, struct process_key process, struct slice json);
/* How late probes came on what a process had mapped, at most; LLM_UNKNOWN: in time. */
int64_t notes_late_ms(const struct trace *t, struct process_key process);
void notes_program(struct run_state *r, const struct process *p);
void notes_exchange(struct run_state *r, const struct http_exchange *x);
void notes_connection(struct run_state *r, const struct connection *conn, bool was_http);
void notes_connect(struct run_state *r, const struct sonde_connect_event *e);
void notes_free(struct run_state *r);
void notes_done(struct trace *t);
/* The JSON array for struct run, in @mem. */
struct slice notes_json(struct run_state *r, struct arena *mem);

/* --- agent.c --- */
struct agent_span *agent_open(struct run_state *r, struct id64 id, struct id64 parent,
			      struct process_key process, uint64_t start_ns);
void agent_name(struct run_state *r, struct agent_span *a, const struct agent_identity *who);
void agent_emit(struct run_state *r, struct agent_span *a, bool final);
void agent_end(struct run_state *r, struct agent_span *a, uint64_t ts_ns);
struct agent_span *agent_by_key(struct run_state *r, struct slice key);
void agent_tool_ended(struct run_state *r, const struct tool_state *tool);
void agent_free(struct agent_span *a);

/* --- process_table.c --- */
struct proc_state *process_find(struct run_state *r, struct process_key key);
struct proc_state *process_add(struct run_state *r, const struct process *p, struct id64 id,
			       uint64_t ts_ns);
/* The nearest process at or above @key that has a state; NULL: the root. */
struct proc_state *process_above(struct run_state *r, struct process_key key, bool self);
bool process_descends(const struct run_state *r, struct process_key key, struct process_key from);
void process_free(struct run_state *r, struct proc_state *ps);

/* --- process.c --- */
void process_exec(struct run_state *r, struct process *p, uint64_t ts_ns);
void process_exit(struct run_state *r, const struct process *p, uint64_t ts_ns);
void process_late_facts(struct run_state *r, const struct process *p);
/* Puts a program under the tool call that it carries out. */
void process_link(struct run_state *r, struct proc_state *ps, struct tool_state *tool,
		  const char *evidence);
/* Takes it out again: a better one was found. */
void process_unlink(struct run_state *r, struct proc_state *ps);
void process_finish_all(struct run_state *r, uint64_t ts_ns);

/* --- tool.c --- */
/* Looks at parts of the answer that are complete and were not looked at. */
void tool_ask(struct call_state *c, const struct llm_call *call, bool all);
struct tool_result {
	struct tool_result *next;
	struct slice id, name, text;
	bool is_json, is_error;
};
/* The waiting call that a result with that id belongs to; NULL: none, or nobody can tell. */
struct tool_state *tool_waiting(struct run_state *r, struct slice id, const struct id128 *nodes,
				size_t n_nodes);
/* The answer has failed: calls that it made and that nobody carries out are over. */
void tool_forget(struct call_state *c);
void tool_set_asked_node(struct call_state *c);
void tool_answer(struct call_state *c, const struct llm_call *call, const struct tool_result *res,
		 const struct id128 *nodes, size_t n_nodes);
/* The waiting call that a program carries out; ret_evidence says how sure. */
struct tool_state *tool_of_program(struct run_state *r, const struct proc_state *ps,
				   const char **ret_evidence);
void tool_carried(struct run_state *r, struct tool_state *tool, struct proc_state *ps);
void tool_carrier_exited(struct run_state *r, struct proc_state *ps);
struct tool_state *tool_by_id(struct run_state *r, struct id64 id);
/* The one waiting call of that process, or NULL where there is none or several. */
struct tool_state *tool_only_one(struct run_state *r, struct process_key process);
void tool_finish_all(struct run_state *r, uint64_t ts_ns);
void tool_free(struct tool_state *tool);

/* --- call.c --- */
void call_event(struct trace *t, enum llm_event ev, struct llm_call *call);
void call_abandon_all(struct run_state *r);
void call_free_orphans(struct trace *t);

/* --- live.c --- */
/* Tells of another state than before. */
void live_run(struct run_state *r);
/* Tells what of the answer is new and safe to show. */
void live_pieces(struct call_state *c, const struct llm_call *call, bool last);
void live_free(struct call_state *c);

/* --- duplicate.c --- */
void duplicate_init(struct trace *t);
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
/* So that a later call can go on from this request (@answered: from its answer). */
void conversation_asked(struct call_state *c);
void conversation_answered(struct call_state *c, const struct llm_call *call,
			   const struct content_answer *answer, bool failed);
void conversation_alternative(struct call_state *c, const struct content_answer *answer);
struct node_ref *conversation_response(struct run_state *r, struct slice response_id);
void conversation_free(struct conversation *conv);

/* --- subagent.c --- */
/* Decides whose call it is: c->agent, c->parent, c->evidence. */
void subagent_place(struct call_state *c, const struct llm_call *call,
		    const struct explicit_ids *ids, const struct content_input *in, bool begins);

/* --- exchange.c --- */
void exchange_finished(struct run_state *r, const struct http_exchange *x);

/* --- learn.c --- */
void learn_head(struct redactor *red, const struct http_message *m);

static inline bool process_key_eq(struct process_key a, struct process_key b)
{
	return a.tgid == b.tgid && a.start_ns == b.start_ns;
}

/* Frees what @dst held and keeps a copy of @s; an empty @s and refused memory give NULL. */
void keep(char **dst, struct slice s);
