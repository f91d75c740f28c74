/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter that every command which reads the store has, under the same names:
 *
 *	static const struct option_spec options[] = {
 *		FILTER_OPTIONS,
 *		{ 0 },
 *	};
 *	...
 *	r = filter_open(db, !json, &reader, &path, &f);
 *	if (r)
 *		return r;
 */
#pragma once

#include "cmd/options.h"
#include "store/query.h"

/* What was given on the command line. */
struct filter_values {
	const char *agent, *model, *provider, *tool, *trigger, *project, *workflow, *user, *session,
		*text, *container, *namespace, *pod, *filter;
	uint64_t since_ns, until_ns, limit;
	bool limit_given;
	int status; /* index of filter_statuses; below 0: none */
};

extern struct filter_values filter_given;
extern const char *const filter_statuses[];

/* clang-format off */
#define FILTER_STRING(name, letter, arg, help) \
	{ #name, letter, OPTION_STRING, &filter_given.name, arg, help, NULL, NULL }
#define FILTER_OPTIONS                                                                             \
	{ "since", 0, OPTION_TIME, &filter_given.since_ns, "TIME", "started then or later", NULL,  \
	  NULL },                                                                                  \
	{ "until", 0, OPTION_TIME, &filter_given.until_ns, "TIME", "started before", NULL, NULL }, \
	FILTER_STRING(agent, 0, "NAME", "of this agent"),                                          \
	FILTER_STRING(model, 0, "NAME", "of this model"),                                          \
	FILTER_STRING(provider, 0, "NAME", "of this provider"),                                    \
	FILTER_STRING(tool, 0, "NAME", "with this tool"),                                          \
	{ "status", 0, OPTION_CHOICE, &filter_given.status, "STATUS", "of runs that ended so",     \
	  filter_statuses, NULL },                                                                 \
	FILTER_STRING(trigger, 0, "WORD", "begun by this: cron, ssh, a unit's name"),              \
	{ "project", 0, OPTION_FOLDER, &filter_given.project, "DIR", "in this project", NULL,      \
	  NULL },                                                                                  \
	FILTER_STRING(workflow, 0, "NAME", "of this workflow"),                                    \
	FILTER_STRING(user, 0, "NAME", "of this user"),                                            \
	FILTER_STRING(container, 0, "NAME", "in this container, by name or the begin of its id"),  \
	FILTER_STRING(namespace, 0, "NAME", "in this namespace of Kubernetes"),                    \
	FILTER_STRING(pod, 0, "NAME", "in this pod, by name or uid"),                              \
	FILTER_STRING(session, 0, "SESSION", "of this session, or 'last'"),                        \
	FILTER_STRING(text, 's', "WORDS", "whose task has these words"),                           \
	FILTER_STRING(filter, 0, "TERMS", "that all of these hold for: 'status:failed cost>0.5'"), \
	{ "limit", 'n', OPTION_COUNT, &filter_given.limit, "N", "at most so many; 0: all. Lists for people: 50", NULL, \
	  &filter_given.limit_given }
/* clang-format on */

/*
 * Opens the store (reader.h) and reads the filter that was asked for, its strings lent; without
 * --limit no limit, or for @people a page. 0, or the exit status; has said why.
 */
int filter_open(const char *db, bool people, struct store_reader **ret, char **ret_path,
		struct store_filter *ret_filter);
#define FILTER_PAGE 50
