/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "store/list/where_sql.h"
#include "store/sums/run_sums_sql.h"

/*
 * Version 1. Spans and runs are tables with a rowid, as their rows are wide; an id is 8 or 16
 * bytes. What a run knows about user, host and project stands on each of its spans too: those are
 * what rollups are made of, and they must be able to be made again from spans alone.
 */
static const char version_1[] =
	"CREATE TABLE runs ("
	" n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, session BLOB,"
	" status INTEGER NOT NULL, status_reason TEXT,"
	" start_ns INTEGER NOT NULL, end_ns INTEGER,"
	" task TEXT, command TEXT, cwd TEXT, user TEXT, host TEXT, trigger_kind TEXT,"
	" uid INTEGER, agent TEXT, agent_version TEXT, models TEXT, provider TEXT,"
	" pid INTEGER, process_start_ns INTEGER, exit_code INTEGER, exit_signal INTEGER,"
	" llm_calls INTEGER, tool_calls INTEGER, processes INTEGER, errors INTEGER,"
	" input INTEGER, output INTEGER, cache_read INTEGER, cache_write INTEGER,"
	" cache_write_5m INTEGER, cache_write_1h INTEGER, reasoning INTEGER,"
	" input_audio INTEGER, input_image INTEGER, output_audio INTEGER,"
	" web_searches INTEGER, provider_total INTEGER, estimated INTEGER,"
	" cost_pico_usd INTEGER, unpriced_calls INTEGER, usage_unknown_calls INTEGER,"
	" lost_bytes INTEGER, notes TEXT, writable_by_agent INTEGER"
	") STRICT;"
	"CREATE INDEX runs_start ON runs (start_ns, id);"

	"CREATE TABLE spans ("
	" n INTEGER PRIMARY KEY, run BLOB NOT NULL, id BLOB NOT NULL, parent BLOB, session BLOB,"
	" step INTEGER NOT NULL, kind INTEGER NOT NULL, name TEXT,"
	" start_ns INTEGER NOT NULL, end_ns INTEGER,"
	" status INTEGER NOT NULL, status_text TEXT, final INTEGER NOT NULL,"
	" agent TEXT, agent_version TEXT, provider TEXT, request_model TEXT, response_model TEXT,"
	" server_address TEXT, server_port INTEGER, tool_name TEXT, tool_call_id TEXT,"
	" response_id TEXT, conversation_id TEXT, finish_reason TEXT, error_type TEXT,"
	" pid INTEGER, process_start_ns INTEGER, program TEXT, evidence TEXT,"
	" input INTEGER, output INTEGER, cache_read INTEGER, cache_write INTEGER,"
	" cache_write_5m INTEGER, cache_write_1h INTEGER, reasoning INTEGER,"
	" input_audio INTEGER, input_image INTEGER, output_audio INTEGER,"
	" web_searches INTEGER, provider_total INTEGER, estimated INTEGER,"
	" cost_pico_usd INTEGER, cost_source INTEGER, cost_equivalent INTEGER, cost_key TEXT,"
	" first_token_ns INTEGER, lost_bytes INTEGER, lost_reason TEXT,"
	" input_node BLOB, output_node BLOB, system_blob BLOB, tools_blob BLOB,"
	" args_blob BLOB, result_blob BLOB, raw_blob BLOB,"
	" attrs TEXT, user TEXT, host TEXT, project TEXT,"
	" seq INTEGER, version INTEGER NOT NULL,"
	" UNIQUE (run, id)"
	") STRICT;"
	"CREATE INDEX spans_start ON spans (start_ns, id);"
	"CREATE UNIQUE INDEX spans_seq ON spans (seq) WHERE seq IS NOT NULL;"

	"CREATE TABLE blobs (id BLOB PRIMARY KEY, kind TEXT NOT NULL, size INTEGER NOT NULL,"
	" codec INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
	"CREATE TABLE nodes (id BLOB PRIMARY KEY, parent BLOB, message BLOB NOT NULL,"
	" depth INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE rollups ("
	" minute INTEGER NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,"
	" provider TEXT NOT NULL, user TEXT NOT NULL, host TEXT NOT NULL, project TEXT NOT NULL,"
	" workflow TEXT NOT NULL, steps INTEGER NOT NULL, llm_calls INTEGER NOT NULL,"
	" tool_calls INTEGER NOT NULL, errors INTEGER NOT NULL, input INTEGER NOT NULL,"
	" output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,"
	" reasoning INTEGER NOT NULL, cost_pico_usd INTEGER NOT NULL,"
	" unpriced_calls INTEGER NOT NULL, usage_unknown_calls INTEGER NOT NULL,"
	" duration_ns INTEGER NOT NULL, lost_bytes INTEGER NOT NULL,"
	" PRIMARY KEY (minute, agent, model, provider, user, host, project, workflow)"
	") STRICT, WITHOUT ROWID;"

	"CREATE VIRTUAL TABLE run_text USING fts5 (task, content='runs', content_rowid='n');"
	"CREATE TRIGGER run_text_insert AFTER INSERT ON runs BEGIN"
	" INSERT INTO run_text (rowid, task) VALUES (new.n, new.task); END;"
	"CREATE TRIGGER run_text_delete AFTER DELETE ON runs BEGIN"
	" INSERT INTO run_text (run_text, rowid, task) VALUES ('delete', old.n, old.task); END;"
	"CREATE TRIGGER run_text_update AFTER UPDATE OF task ON runs"
	" WHEN old.task IS NOT new.task BEGIN"
	" INSERT INTO run_text (run_text, rowid, task) VALUES ('delete', old.n, old.task);"
	" INSERT INTO run_text (rowid, task) VALUES (new.n, new.task); END;"

	"CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"INSERT INTO counters VALUES ('seq', 0);"
	"CREATE TABLE open_state (run BLOB PRIMARY KEY, state BLOB NOT NULL,"
	" updated_ns INTEGER NOT NULL) STRICT;";

/* Version 2. What a plan covers is no money that was spent. */
static const char version_2[] =
	"ALTER TABLE runs ADD COLUMN equivalent_pico_usd INTEGER;"
	"UPDATE runs SET equivalent_pico_usd = coalesce((SELECT sum(cost_pico_usd) FROM spans"
	" WHERE run = runs.id AND step = 2 AND cost_equivalent), 0);"
	"UPDATE runs SET cost_pico_usd = cost_pico_usd - equivalent_pico_usd"
	" WHERE equivalent_pico_usd <> 0;";

/* Exactly the spans that count, by the columns that stand on them. */
#define ROLLUP_SELECT(sign, where)                                                                \
	"SELECT start_ns / 60000000000, coalesce(agent, ''),"                                     \
	" coalesce(response_model, request_model, ''), coalesce(provider, ''),"                   \
	" coalesce(user, ''), coalesce(host, ''), coalesce(project, ''), coalesce(workflow, '')," \
	" " sign " * count(*), " sign " * sum(step = 2 AND " SCHEMA_ONCE "), " sign               \
	" * sum(step = 3), " sign " * sum(status = 2),"                                           \
	" " sign " * coalesce(sum(input), 0), " sign " * coalesce(sum(output), 0),"               \
	" " sign " * coalesce(sum(cache_read), 0), " sign " * coalesce(sum(cache_write), 0),"     \
	" " sign " * coalesce(sum(reasoning), 0), " sign " * coalesce(sum(cost_pico_usd), 0),"    \
	" " sign " * sum(step = 2 AND " SCHEMA_UNPRICED "),"                                      \
	" " sign " * sum(step = 2 AND " SCHEMA_UNKNOWN "),"                                       \
	" " sign " * coalesce(sum(max(end_ns - start_ns, 0)), 0), " sign                          \
	" * coalesce(sum(lost_bytes), 0)"                                                         \
	" FROM spans WHERE " where " AND step IN (2, 3) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"

#define ROLLUP(sign, where)                                                                        \
	"INSERT INTO rollups " ROLLUP_SELECT(                                                      \
		sign, where) " ON CONFLICT DO UPDATE SET steps = steps + excluded.steps,"          \
			     " llm_calls = llm_calls + excluded.llm_calls,"                        \
			     " tool_calls = tool_calls + excluded.tool_calls, errors = errors + "  \
			     "excluded.errors,"                                                    \
			     " input = input + excluded.input, output = output + excluded.output," \
			     " cache_read = cache_read + excluded.cache_read,"                     \
			     " cache_write = cache_write + excluded.cache_write,"                  \
			     " reasoning = reasoning + excluded.reasoning,"                        \
			     " cost_pico_usd = cost_pico_usd + excluded.cost_pico_usd,"            \
			     " unpriced_calls = unpriced_calls + excluded.unpriced_calls,"         \
			     " usage_unknown_calls = usage_unknown_calls + "                       \
			     "excluded.usage_unknown_calls,"                                       \
			     " duration_ns = duration_ns + excluded.duration_ns,"                  \
			     " lost_bytes = lost_bytes + excluded.lost_bytes"

#define ROLLUP_ALL ROLLUP("1", "seq IS NOT NULL")

/* Version 3. Kinds of use that providers tell apart; nothing of it was kept before. */
static const char version_3[] =
#define COLUMN(member, attribute, name)                    \
	"ALTER TABLE runs ADD COLUMN " #member " INTEGER;" \
	"ALTER TABLE spans ADD COLUMN " #member " INTEGER;"
	LLM_USAGE_COUNTS_3(COLUMN);
#undef COLUMN

/*
 * Version 4. What began a run, what it is one of, and what it was allowed to do. Sums are made
 * anew: what is seen twice is one call in them as well. Indexes for the pages that people turn,
 * newest first: that of runs has what they are filtered by, as their rows are wide; and what a
 * sweep (gc.c) needs: its number, until when steps were removed, and what others touched meanwhile.
 */
static const char version_4[] =
	"ALTER TABLE runs ADD COLUMN trigger_name TEXT;"
	"ALTER TABLE runs ADD COLUMN workflow TEXT;"
	"ALTER TABLE runs ADD COLUMN project TEXT;"
	"ALTER TABLE runs ADD COLUMN assurance TEXT;"
	"ALTER TABLE spans ADD COLUMN workflow TEXT;"
	"DELETE FROM rollups;" ROLLUP_ALL ";"

	"DROP INDEX runs_start;"
	"CREATE INDEX runs_start ON runs (start_ns, id, models, provider, project, cwd, workflow,"
	" user, trigger_kind, trigger_name);"
	"CREATE INDEX runs_agent ON runs (agent, start_ns, id);"
	"CREATE INDEX runs_status ON runs (status, start_ns, id);"
	"CREATE INDEX runs_session ON runs (session, start_ns, id) WHERE session IS NOT NULL;"
	"CREATE INDEX spans_step ON spans (step, start_ns, id);"
	"CREATE INDEX spans_tool ON spans (tool_name, start_ns, id) WHERE tool_name IS NOT NULL;"
	"CREATE INDEX spans_tool_run ON spans (tool_name, run) WHERE tool_name IS NOT NULL;"
	"CREATE INDEX spans_open ON spans (run) WHERE final = 0;"

	"INSERT INTO counters VALUES ('sweep', 0), ('removed_until_ns', 0);"
	"CREATE TABLE touched (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;";

/*
 * Version 5. Where a run happened, and how far each sink has got: the seq of the last span that it
 * has, and what it must know besides to go on (sink.h). The sums behind lists of costs and tools
 * (sums_sql.h), and what a call's repetition is found by. Indexes for what runs are filtered by, as
 * few may have it, and for the newest sessions. Who adds up must take out again what it has counted
 * and is no more: a final span as it was before its correction, in the same columns (changes.h),
 * while there are sinks, and until all are past it.
 */
static const char version_5[] =
	"ALTER TABLE runs ADD COLUMN resource TEXT;"
	"CREATE TABLE sinks (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, state BLOB,"
	" updated_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX runs_uid ON runs (uid, start_ns, id);"
	"DROP INDEX spans_tool_run;"
	"CREATE INDEX spans_tool_run ON spans (tool_name, run, args_blob)"
	" WHERE tool_name IS NOT NULL;"
	"CREATE INDEX runs_project ON runs (coalesce(project, cwd), start_ns, id);"
	"CREATE INDEX runs_workflow ON runs (workflow, start_ns, id) WHERE workflow IS NOT NULL;"
	"CREATE INDEX runs_user ON runs (user, start_ns, id);"
	"CREATE INDEX runs_last ON runs (max(start_ns, coalesce(end_ns, 0)), session)"
	" WHERE session IS NOT NULL;"
	"CREATE TABLE superseded AS SELECT seq AS replaced_by, * FROM spans WHERE 0;"
	"CREATE UNIQUE INDEX superseded_by ON superseded (replaced_by);"
	"CREATE UNIQUE INDEX superseded_seq ON superseded (seq);"
	"CREATE INDEX superseded_span ON superseded (run, id);"
	"CREATE TRIGGER spans_superseded BEFORE UPDATE OF seq ON spans"
	" WHEN old.seq IS NOT NULL AND new.seq <> old.seq AND EXISTS (SELECT 1 FROM sinks) BEGIN"
	" DELETE FROM superseded WHERE replaced_by <= (SELECT min(seq) FROM sinks);"
	" INSERT INTO superseded SELECT new.seq, s.* FROM spans AS s WHERE s.n = old.n; END;"
	"CREATE TRIGGER spans_gone AFTER DELETE ON spans WHEN old.version > 1 BEGIN"
	" DELETE FROM superseded WHERE run = old.run AND id = old.id; END;";

/*
 * Version 6. Sums know more groups of costs, what of them is estimated, and what metrics and lists
 * of agents are made of: all are made anew, so the step before, which had made them, makes them no
 * more. Indexes for each order that pages come in (page.c); of steps those alone that can stand
 * there.
 */
static const char version_6[] =
	"DROP TABLE IF EXISTS cost_sums; DROP TABLE IF EXISTS tool_sums;"
	"DROP TABLE IF EXISTS present; DROP TABLE IF EXISTS seen;" SUMS_TABLES SUMS_FILL
		RUN_SUMS_TABLE RUN_SUMS("1", "true") RUN_SUMS_TRIGGERS
	"CREATE INDEX runs_duration ON runs (" INDEXED_RUN_DURATION ", id);"
	"CREATE INDEX runs_cost ON runs (" INDEXED_RUN_COST ", id);"
	"CREATE INDEX runs_tokens ON runs (" INDEXED_RUN_TOKENS ", id);"
	"CREATE INDEX runs_steps ON runs (" INDEXED_RUN_STEPS ", id);"
	"CREATE INDEX runs_errors ON runs (" INDEXED_RUN_ERRORS ", id);"
	"CREATE INDEX runs_host ON runs (host, start_ns, id);"
	"CREATE INDEX spans_duration ON spans (" INDEXED_SPAN_DURATION ", id)"
	" WHERE " INDEXED_SPAN_ENDED ";"
	"CREATE INDEX spans_cost ON spans (" INDEXED_SPAN_COST ", id) WHERE " INDEXED_SPAN_PRICED
	";"
	"CREATE INDEX spans_tokens ON spans (" INDEXED_SPAN_TOKENS ", id)"
	" WHERE " INDEXED_SPAN_TOLD ";"
	"CREATE INDEX spans_failed ON spans (start_ns, id) WHERE status = 2;";

/* What became of pictures and documents that the blob `holder` has: media.c. */
static const char version_7[] =
	"CREATE TABLE media (holder BLOB NOT NULL, digest TEXT NOT NULL, state INTEGER NOT NULL,"
	" sha256 BLOB, type TEXT, size INTEGER, PRIMARY KEY (holder, digest)) WITHOUT ROWID;"
	"CREATE TRIGGER media_gone AFTER DELETE ON blobs"
	" BEGIN DELETE FROM media WHERE holder = old.id; END;";

static const struct schema_step schema_steps[] = {
	{ version_1 }, { version_2 }, { version_3 }, { version_4 },
	{ version_5 }, { version_6 }, { version_7 },
};

const int schema_version = ARRAY_SIZE(schema_steps);

const char *const schema_rollup_span = ROLLUP("?2", "n = ?1");
const char *const schema_rollup_run = ROLLUP("?2", "run = ?1 AND seq IS NOT NULL");

const char *const schema_own_rollups =
	"CREATE TEMP VIEW rollups (minute, agent, model, provider, user, host, project, workflow,"
	" steps, llm_calls, tool_calls, errors, input, output, cache_read, cache_write, reasoning,"
	" cost_pico_usd, unpriced_calls, usage_unknown_calls, duration_ns, lost_bytes)"
	" AS " ROLLUP_SELECT("1", "seq IS NOT NULL");

static int run_steps(sqlite3 *db, const struct schema_step *steps, int n)
{
	int64_t version = 0;
	char sql[64];
	int rc = db_int(db, "PRAGMA user_version", &version);

	for (; rc == SQLITE_OK && version < n; version++)
		rc = sqlite3_exec(db, steps[version].sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	/* part of the transaction, as the header page is */
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 SCHEMA_APPLICATION_ID, n);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int schema_migrate(sqlite3 *db, const char *path, const struct schema_step *steps, int n,
		   struct store_error *err)
{
	int rc, r;

	if (!steps) {
		steps = schema_steps;
		n = schema_version;
	}
	/* rows of sums are written all over their tables, more than once */
	rc = sqlite3_exec(db, "PRAGMA cache_size = -131072; BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = run_steps(db, steps, n);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	r = rc == SQLITE_OK ? 0 : db_explain(db, rc, path, err);
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_exec(db, "PRAGMA cache_size = -2000", NULL, NULL, NULL); /* SQLite's own */
	return r;
}
