/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration file: INI, UTF-8, '#' and ';' begin comments.
 *
 *	[endpoint NAME]		a host or path of one's own that model calls go to; any number
 *	host = gateway.corp.example	exact; ".corp.example": all below it; with a port: that one
 *	path = /infer			end of the path
 *	format = openai.chat		what is spoken there (needs a path)
 *	provider = openai		who answers, for names and prices
 *
 *	[egress]			in this order; the first that fits counts (policy/egress.h)
 *	allow = api.openai.com
 *	deny = *
 *
 *	[otlp NAME], [ndjson NAME]	where spans are sent to, or written
 *	endpoint = https://collector.example:4318
 *
 * and sections of single values: settings.c has them all, with their defaults and what they mean.
 */
#pragma once

#include "base/cleanup.h"
#include "base/slice.h"
#include "llm/endpoint.h"
#include "policy/egress.h"

#define CONFIG_MAX (1u << 20) /* bytes of a file */

/* Values of a key that may stand more than once, or name several things with commas between. */
struct config_list {
	const char *text;
	struct config_list *next;
};

enum sink_kind { SINK_OTLP, SINK_NDJSON };
enum sink_protocol { SINK_PROTOBUF, SINK_JSON }; /* of OTLP over HTTP */
enum sink_names { SINK_NAMES_141, SINK_NAMES_LATEST, SINK_NAMES_OPENINFERENCE };

/* Which labels metrics have besides those of the call: each those of the one before as well. */
enum metrics_labels { LABELS_NONE, LABELS_PLACE, LABELS_PROJECT, LABELS_USER };

struct sink_config {
	struct sink_config *next;
	const char *name;
	const char **texts; /* of config_sink_settings, as config.texts */
	enum sink_kind kind;
	bool content; /* what was said goes along */
	/* [otlp NAME] */
	const char *endpoint; /* base address; /v1/traces and so on are added */
	int protocol;	      /* enum sink_protocol */
	int names;	      /* enum sink_names: which conventions */
	bool gzip, traces, metrics, logs;
	struct config_list *headers, *headers_file; /* "Name: value" each; a file of such lines */
	const char *ca_file, *cert_file, *key_file;
	uint64_t timeout_s;  /* of a request */
	uint64_t retry_s;    /* longest pause between tries; 0: 60 */
	uint64_t interval_s; /* of metrics */
	/* [ndjson NAME] */
	const char *path;
	uint64_t max_bytes; /* then it is renamed to .1, .2, ... */
	uint64_t keep;	    /* of those */
};

struct config {
	struct arena *mem; /* owns the rest */
	const char *path;  /* of the file; NULL: none */
	/* What stands there for each of config_settings; NULL: it is as built in. */
	const char **texts;
	struct llm_endpoint *endpoints;
	struct egress_rule *egress; /* NULL: none */
	size_t n_egress;
	struct sink_config *sinks;

	bool files;		 /* [capture]: what is done with them is looked at */
	uint64_t max_run_time_s; /* [limits]; 0: no limit */
	uint64_t memory_bytes;	 /* of the engine; 0: no limit */
	uint64_t cpu_percent;	 /* of one processor, of the engine; 0: no limit */

	struct {
		const char *store, *user, *group, *socket;
		uint64_t ring_bytes, content_limit, media_limit;
		int content; /* enum content_level */
	} daemon;
	struct {
		const char *listen; /* "127.0.0.1:7780"; "off": nowhere */
		struct config_list *hosts;
	} api;
	struct {
		bool host; /* every process */
		struct config_list *cgroups, *units, *containers, *users, *programs, *pids;
		struct config_list *not_users, *not_programs, *not_units, *not_namespaces,
			*not_labels;
	} scope;
	struct {
		uint64_t runs_s, content_s, max_bytes, disk_percent; /* 0: not by that */
	} retention;
	struct {
		const char *listen;  /* "127.0.0.1:9464"; NULL: nowhere */
		uint64_t max_series; /* label combinations of a metric; the rest is "other" */
		int labels;	     /* enum metrics_labels */
	} prometheus;
	struct {
		bool enabled;
		const char *api_server, *token_file, *ca_file, *node;
		struct config_list *labels;
	} kubernetes;
};

/* A key of a section that is there once. */
struct config_setting {
	const char *section, *key;
	enum config_type {
		CONFIG_TEXT,
		CONFIG_LIST,
		CONFIG_BOOL, /* yes, no */
		CONFIG_COUNT,
		CONFIG_PERCENT,
		CONFIG_SIZE,	 /* bytes: 512M */
		CONFIG_DURATION, /* seconds: 90s, 30m, 2h, 7d */
		CONFIG_CHOICE,
	} type;
	size_t offset;		    /* in struct config, or in struct sink_config */
	const char *builtin;	    /* as it would stand in the file; NULL: none */
	const char *help;	    /* one line */
	const char *const *choices; /* CHOICE: ends with NULL; the value is an index */
};
extern const struct config_setting config_settings[], config_sink_settings[];
extern const size_t config_n_settings, config_n_sink_settings;
/* Names of sections that stand for a sink, in the order of enum sink_kind. */
extern const char *const config_sink_sections[];

/* What is wrong with a file. */
struct config_error {
	unsigned line; /* 0: none in particular */
	char text[200];
};

/* Reads @text, which came from @path; an empty one gives what is built in. 0, -EINVAL or -ENOMEM.
 */
int config_parse(struct slice text, const char *path, struct config **ret,
		 struct config_error *err);
/* "90s", "30m", "2h", "1d" in seconds; false where it is none. */
bool config_duration(struct slice text, uint64_t *ret_s);
void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)
