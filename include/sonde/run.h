/* SPDX-License-Identifier: BSD-2-Clause */
/* One execution of an agent on one task: totals and status over its spans. */
#pragma once

#include "sonde/span.h"

enum run_status {
	RUN_RUNNING = 1,
	RUN_COMPLETED,
	RUN_FAILED,
	RUN_CANCELLED,
	RUN_TIMED_OUT,
	RUN_INCOMPLETE, /* the capture lost what would tell */
	RUN_PAUSED,	/* it waits for a human: nothing runs and its terminal is read */
};

/* "running", ... */
extern const char *const run_status_names[];

struct run {
	struct id128 run_id;
	struct id128 session_id;
	enum run_status status;
	struct slice status_reason; /* "exit status 3", "signal 9", empty */
	uint64_t start_ns, end_ns;  /* Unix time; end 0 while it lasts */
	struct slice task;    /* first user text, redacted, cut; empty at content level minimal */
	struct slice command; /* argv joined, redacted */
	struct slice cwd, user, host;
	struct slice trigger;	   /* what began it: "terminal", "cron", "systemd", "ssh", ... */
	struct slice trigger_name; /* which one: the unit, the cron line, the webhook's path */
	struct slice workflow;	   /* what repeats: a unit, a cron line, else program and project */
	struct slice project;	   /* the git root above cwd, else cwd */
	struct slice resource; /* JSON object: where it ran, by OpenTelemetry's names (container.id,
				* k8s.pod.name, ...); empty where that is this host alone */
	struct slice assurance; /* JSON object: sandbox facts, egress rules, denials */
	uint32_t uid;
	struct slice agent, agent_version; /* "claude-code", "2.1.329"; else the program's name */
	struct slice models;		   /* comma separated, in order of first use */
	struct slice provider;		   /* of the first call */
	struct process_key process;	   /* the root */
	int exit_code, exit_signal;

	/* totals over the spans; LLM_UNKNOWN where no call told */
	int64_t llm_calls, tool_calls, processes, errors;
	struct llm_usage usage;
	int64_t cost_pico_usd;	     /* of the priced calls that are paid one by one */
	int64_t equivalent_pico_usd; /* what those that a plan covers would have cost */
	int64_t unpriced_calls;	     /* with no known cost */
	int64_t usage_unknown_calls;
	uint64_t lost_bytes;

	/* why a run without model calls has none: connections, hosts, what could not be read */
	struct slice notes;	/* JSON array of strings */
	bool writable_by_agent; /* the store belongs to the user that the command ran as */
};
