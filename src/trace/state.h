/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What trace/ keeps of process trees and of the runs in them; private to this folder.
 *
 * trace.c takes facts in and hands them to: tree.c (a traced process tree), run.c (a run and its
 * totals), agent.c (invoke_agent spans), process.c, call.c (LLM spans), tool.c, mcp.c, exchange.c,
 * observed/ (files, connections, what nobody asked for).
 * What is asked for by process, id or text is the tree's; what was done for one task is a run's.
 * Each step has a pointer to its run, and spans never point into another run. conversation.c links
 * calls to each other, content.c turns what was said into blobs and conversation nodes, emit.c is
 * the only way out. Times in here are boot time; emit.c turns them into Unix time. Strings that are
 * kept are malloc'ed and raw; whatever leaves passes emit_text().
 */
#pragma once

#include "base/arena.h"
#include "base/id.h"
#include "sonde/tool.h"
#include "trace/assurance.h"
#include "trace/cache.h"
#include "trace/clock.h"
#include "trace/content.h"
#include "trace/hash.h"
#include "trace/identity.h"
#include "trace/redact.h"
#include "trace/resource.h"
#include "trace/signal.h"
#include "trace/trace.h"
#include "trace/trigger.h"

#define TREES_MAX	       1024 /* open at once; then the one longest unheard of is let go */
#define TREE_PROCESSES_MAX     4096 /* with a span, at once; more are only counted */
#define TREE_TOOLS_MAX	       1024 /* waiting at once; then the oldest is given up */
#define TREE_CALLS_MAX	       1024 /* in flight at once */
#define TREE_CONVERSATIONS_MAX 4096
#define TREE_MCP_MAX	       1024 /* calls at tool servers in flight at once */
#define TREE_PEERS_MAX	       32   /* hosts and destinations that notes can name */
#define TREE_INBOUND_MAX       256  /* requests that it serves at once; then the oldest is let go */
#define TREE_RUNS_MAX	       256  /* kept at once: those over longest are let go */
#define RUN_AGENTS_MAX	       512
#define RUN_HTTP_MAX	       512 /* STEP_HTTP spans of one run */
#define REFS_MAX	       16384 /* nodes and response ids of one tree that a later call may name */
#define UNIQUE_ID_MIN	       16 /* characters of an id that nobody else has by chance */
#define EMIT_EVERY_NS	       1000000000ull
#define SCRATCH_MAX	       (128u << 20) /* of one call's content while it is read */

#define OPEN_WORDS_MAX	       256

/* Words of sonde's own that were read again (open_fields.h). */
struct open_words {
	char *list[OPEN_WORDS_MAX];
	unsigned n;
};
void open_words_done(struct open_words *words);

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
	struct call_state *orphans;   /* calls whose run has ended before them */
	struct tree_state *trees;     /* by scope, in order of their start */
	struct tentative *tentatives; /* tentative.c: scopes of which nothing is kept yet */
	size_t tentative_bytes;
	uint32_t own_scopes;  /* that were given out */
	bool watched;	      /* by a daemon: processes of many scopes are heard */
	struct cache answers; /* response id -> struct answer_ref: the same call seen twice */
	struct attach_note *attached; /* libraries that could not be attached, or late */
	unsigned n_attached;
	struct egress_rule *egress;
	size_t n_egress;
	struct resume_state *resumable; /* resume.c: what an earlier engine has left */
	unsigned n_resumable;
	uint64_t host_ns; /* when the prober introduced itself; 0: not yet */
	struct open_words words;
	enum sonde_load load;
	bool ending; /* the capture ends; what it watched may go on */
	struct known_places places;
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
	struct run_state *run;
	struct id64 id, parent;
	char *name, *version;
	bool known;	      /* named by a table, not by its program's name */
	bool root, sub;	      /* sub: a conversation of its own inside the parent's process */
	char *key;	      /* of a sub-agent with an explicit id */
	char *prompt;	      /* its beginning, while the call that started it is not known */
	struct id64 tool;     /* of a sub-agent: the call that started it */
	const char *evidence; /* of the link to the parent */
	const char *named_by; /* what told the name */
	struct process_key process;
	uint64_t start_ns, end_ns, last_ns; /* last_ns: its last call's end */
	int exit_code, exit_signal;
	int64_t calls;
	bool offered_tools; /* to its model, in one of the calls at least */
	bool asks;	    /* its own process has made a model call */
	bool turns;	    /* it takes one request after the other: each is a run (turn.c) */
	bool once;	    /* it was started with one task */
	bool tools;	    /* it offers tools with all that it asks for a person */
	bool waited;	    /* for somebody, since its last answer */
	bool final;
};

/* A program that ran: a STEP_PROCESS span (but the root's, which the agent span stands for). */
struct proc_state {
	UT_hash_handle hh; /* by id_key */
	struct {
		uint64_t start_ns, tgid; /* the key without a hole */
	} id_key;
	struct proc_state *prev, *next;
	struct tree_state *tree;
	struct run_state *run;
	struct process_key key, parent_key;
	struct id64 id, parent;
	struct agent_span *agent; /* its own or the one above it */
	bool own_agent;
	bool shown;
	bool held;	   /* not shown yet: several runs are open, and it may be of any of them */
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
	struct sandbox sandbox;
	bool confined;	     /* it may do other things than who started it */
	const char *unasked; /* why nobody asked for it (observed/), or NULL */
	bool housekeeping;   /* the agent does such things of its own accord */
	bool serves;	     /* it is, or has started, a tool server */
	bool excused;	     /* it may be the work of a call that is over */
	bool asks;	     /* it has made a model call: what it starts is an agent's doing */
	bool flagged;	     /* its span says that no tool call explains it */
	bool exited, final;
	bool traced_by_sonde; /* by another one, and what it starts: it runs on */
	bool resumed;	      /* of an earlier engine; its program is not told yet */
	bool read_tls;	      /* a TLS stream of it was seen */
	char *unread;	      /* to whom it has spoken TLS that was not, the first; or NULL */
};

/* A tool call that waits for its result. */
struct tool_state {
	struct tool_state *prev, *next;
	struct run_state *run;
	struct id64 id, parent, asked_by;
	struct agent_span *agent;
	struct conversation *conv;
	char *call_id, *name;
	char *description;  /* its beginning; NULL: none, or no text is kept */
	char *command;	    /* what a process that carries it out must show (command.h), or NULL */
	struct slice args;  /* malloc'ed, cut: what a sub-agent's prompt is looked for in */
	struct slice paths; /* malloc'ed: files that the arguments name (arguments.h) */
	char *url;	    /* that they ask for, or NULL */
	char *said;	    /* the beginning of its result, where it starts an agent; or NULL */
	char *skill;	    /* that the call loads, or NULL */
	struct process_key process;
	uint64_t start_ns, end_ns;
	struct id128 asked_node; /* the conversation up to the answer that asked */
	struct id128 args_blob, result_blob;
	const char *type; /* gen_ai.tool.type */
	const char *evidence;
	bool server, asked, answered, is_error; /* asked: the answer has ended */
	bool asked_cut; /* bytes of the answer were lost: of its arguments, or of other calls */
	bool contested; /* several programs show its command, and a call like it may be lost */
	struct id64 answered_to;
	struct proc_state *carrier;	     /* the first program that carries it out */
	bool by_argv;			     /* and its arguments say so */
	struct id128 args_hash;		     /* mcp.h; zero: no JSON */
	uint64_t mcp_start_ns, mcp_end_ns;   /* of the call at a tool server that carries it out */
	uint64_t http_start_ns, http_end_ns; /* of the exchange that does */
	uint64_t told_ns;		     /* how long the client says that it took; 0: nothing */
	bool by_mcp, by_http;
	bool by_file; /* a file that it names was written in the agent's own process */
	bool alone;   /* its answer asked for no other */
};

/* A call that a later one may continue. */
struct node_ref {
	uint64_t conv; /* its number */
	struct id64 span;
	struct id128 node;
	struct id128 asked; /* of an answer: the node of its request */
	struct id128 said;  /* likewise: its words, whatever was asked */
	uint32_t depth;
	bool continued, ambiguous, failed;
	bool unheard; /* of a request: an answer to it, or to an equal one, was lost */
};

/* Calls that continue each other. */
struct conversation {
	UT_hash_handle hh; /* by number; in order of their last use */
	uint64_t number;
	struct id128 id;
	struct id128 system;	  /* system prompt of the first call; zero: none apart */
	struct agent_span *agent; /* that it belongs to */
	struct run_state *run;	  /* that it was last part of; NULL: that was let go */
	char *session, *user;	  /* what its calls say; another one's is not its */
	struct process_key process;
	struct id64 last_span;
	struct node_ref head;	 /* its newest answer */
	struct id128 head_scope; /* of the ids that its call carried */
	struct id128 response_key;
	const char *purpose; /* of its calls, where that is not a person's request; else NULL */
	unsigned refs;	     /* calls and tools that are at work in it */
	bool blind;	     /* what it began with was not heard, nor any later request */
};

/* A request that a process of the tree serves. */
struct inbound {
	struct inbound *prev, *next;
	uint64_t number; /* from 1 */
	struct process_key process;
	uint64_t conn;
	uint32_t exchange;
	char *what; /* "POST /hook" */
};

/* What a conversation came to when its history was asked for in short. */
struct summary {
	struct summary *prev, *next;
	uint64_t conv;
	struct process_key process;
	char *text; /* some of it */
};

struct call_state {
	struct call_state *prev, *next;
	struct tree_state *tree;
	struct run_state *run;
	struct agent_span *agent;
	struct conversation *conv;
	struct id64 id, parent;
	const char *evidence, *conv_evidence;
	const char *purpose, *purpose_evidence; /* "main", "title", ... (purpose.c) */
	bool side;				/* no turn of a conversation with a person */
	bool by_tool;				/* part of a tool's work */
	bool sums_up;				/* its answer is what the conversation comes to */
	struct id64 continues, retry_of, duplicate_of;
	struct id64 same_as; /* the call that this one is passed on from, or another end of */
	uint64_t words[2];   /* of its request (content.h) */
	bool has_twins;	     /* others are the same as this one */
	bool stashes;	     /* the call that it is the same as is not over yet */
	struct llm_usage twin_usage; /* what they have told of it */
	struct cost twin_cost;
	struct id128
		scope; /* of the ids that the call carries: equal words of others are not its */
	bool goes_on;  /* its history holds the answer of the call that it continues */
	bool blind;    /* its request was lost, and what it goes on from is not known */
	struct id128 session_id;
	char *conversation_id;
	struct id128 input_node, output_node, system_blob, tools_blob, raw_blob;
	struct buf alternatives; /* nodes of the answer's other choices: a JSON array */
	uint32_t input_depth;
	uint64_t emitted_ns;
	unsigned tools_opened; /* tool calls of the answer that have begun */
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

/* Who waits for input that comes from outside, and has not got any. */
struct waits {
	struct process_key who;
	uint8_t what; /* enum sonde_wait_for; 0: nobody */
	uint64_t since_ns;
};

/*
 * A traced process tree: what its runs share. It lives from the event that puts it under trace to
 * the end of its last process; its first run does as well.
 */
struct tree_state {
	UT_hash_handle hh; /* by scope */
	struct trace *t;
	struct id128 id; /* its first run's; what ids of steps are made of */
	struct process_key root;
	uint64_t end_ns;	      /* the root's */
	uint64_t heard_ns;	      /* when something was told of it */
	uint64_t live;		      /* processes */
	uint64_t loss[SONDE_LOSS_NR]; /* of the capture, before it began */
	char *cwd, *user, *project;
	struct trigger trigger;
	struct run_place place; /* of its root */
	struct assurance assurance;
	struct sent_signals signals; /* to its root */
	struct waits waits;
	char *source, *recorder; /* of an import: "har", and what made the file; else NULL */
	struct slice argv;	 /* NUL after each */
	struct id128 retry_of;	 /* all zero: of none */
	struct run_state *runs;	 /* that are kept, in order of their start */

	struct proc_state *procs, *proc_list;
	struct tool_state *tools;
	struct tool_state *spawned; /* over, and what they have started may still come: spawned.c */
	struct mcp_state *mcp_calls;
	struct cache mcp_ended; /* mcp.c: what the asked end has told as over */
	struct call_state *calls;
	struct conversation *convs;
	struct summary *summaries; /* newest last */
	struct blind *blinds;	   /* blind.c */
	struct cache conv_names;   /* H(what kind of name, the name) -> struct name_ref */
	struct peer *hosts, *sockets;
	uint64_t tls_streams;	/* whose plaintext was seen */
	uint64_t half_streams;	/* of these: one direction, whose other one is not known */
	struct cache outputs;	/* node -> struct node_ref: the conversation up to an answer */
	struct cache inputs;	/* node -> struct node_ref: what a call was asked */
	struct cache responses; /* H(response id) -> struct node_ref */

	unsigned n_summaries, n_blinds, n_spawned, n_runs, n_procs, n_tools, n_calls, n_hosts,
		n_sockets, n_mcp;
	unsigned procs_seen;
	uint64_t calls_seen, convs_seen, inbound_seen;
	struct inbound *inbound; /* requests that its processes serve; newest last */
	unsigned n_inbound;
	uint32_t handed_over; /* bits: rows of notes.c's table */
	uint32_t scope, uid;
	int exit_code, exit_signal; /* the root's */
	bool joined;		    /* it ran before it was traced */
	bool launched;		    /* `sonde run` started it, by argv */
	bool argv_whole;	    /* argv has every byte of what it was started with */
	bool blinds_dropped;	    /* there were more than are kept */
	bool left;		    /* its root runs on, untraced */
	bool plain;		    /* its SCOPE has not come yet */
	int64_t late_ms;	    /* from its begin to its being traced; 0: in time */
	uint32_t part_of;	    /* the scope in which it was found; 0: its own */
	uint64_t unkept_ns;	    /* what it did for so long was seen and not kept */
	bool adopts;		    /* who comes without a parent that is known belongs to it */
	bool exited, finished;
	bool end_lost;	 /* its root has gone without its end being told */
	bool pushed_out; /* more trees came than are kept */
	bool excluded;	 /* nothing of it is told (any more) */
	bool writable_by_agent;
	bool outlives;	/* a daemon's: the next engine may go on with it (open_state.h) */
	bool state_due; /* it has changed since it was told how to */
	bool resume_checked;
	uint64_t resumed_ns;	     /* when it was taken up again; 0: it was not */
	struct resume_state *resume; /* until its first run is there */
};

/* One task that an agent of the tree works at. */
struct run_state {
	struct run_state *prev, *next;
	struct tree_state *tree;
	struct trace *t;
	struct process_key process; /* of the root agent */
	uint64_t start_ns, end_ns, emitted_ns;
	char *task, *provider;
	struct buf models;
	struct run totals;  /* only its numbers */
	unsigned estimates; /* calls in it whose usage is one */
	int64_t http_steps, dropped_steps;
	struct agent_span *agents;	     /* the first is the root */
	unsigned n_agents, n_calls, n_tools; /* the latter two: in flight */
	struct run_place place;		     /* of who asks for it first; nobody's: the tree's */
	struct files *files;		     /* observed/file.h; NULL: none yet */
	struct network *network;	     /* observed/network.h; likewise */
	struct happenings *happened;	     /* happened.h; likewise */
	uint64_t pause_ns, worked_ns;	     /* it pauses since; it was last seen at work */
	const char *pause_for;

	/* turn.c */
	struct agent_span *host; /* of the first run, whose process is asked; NULL: nobody yet */
	const char *evidence;	 /* that a run begins here */
	char *turn;		 /* the client's id of it */
	uint64_t conv;		 /* number of the conversation that began it */
	uint64_t inbound;	 /* the request of which it is the work (struct inbound); or 0 */
	char *request;		 /* likewise: "POST /hook" */
	unsigned n_requests;	 /* in the history of its newest call */
	uint64_t answered_ns;	 /* end of the answer that asked for no tool; 0: it goes on */
	uint64_t seq;		 /* of its newest call: who is asked for last is kept longest */
	int exit_code, exit_signal;
	enum run_status status;
	enum live_state live_state; /* as it was told */
	struct id128 id, session_id;
	char reason[128], last_error[96];
	bool dirty, exited, finished;
	bool over;	   /* the next request has come, or nobody waits for more */
	bool broken_off;   /* its last call was */
	bool task_is_good; /* said to a call that had tools */
	bool last_call_failed, last_call_timed_out;
};

static inline bool process_key_eq(struct process_key a, struct process_key b)
{
	return a.tgid == b.tgid && a.start_ns == b.start_ns;
}

#include "trace/parts.h" /* needs all of the above */
