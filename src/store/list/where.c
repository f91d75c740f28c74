/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/list/terms.h"
#include "store/list/where_sql.h"
#include "store/reader.h"

void where_done(struct where *w)
{
	buf_done(&w->sql);
	for (int i = 0; i < w->n; i++)
		free(w->values[i].own);
}

void where_plain(struct where *w, const char *sql)
{
	if (w->r == 0)
		w->r = buf_add(&w->sql, slice_of(sql), SIZE_MAX);
}

static void add(struct where *w, const char *sql, struct where_value v)
{
	where_plain(w, sql);
	if (w->n == WHERE_MAX)
		w->r = -EINVAL;
	if (w->r == 0)
		w->values[w->n++] = v;
	else
		free(v.own);
}

void where_int(struct where *w, const char *sql, int64_t v)
{
	add(w, sql, (struct where_value){ .type = WHERE_INT, .i = v });
}

void where_text(struct where *w, const char *sql, struct slice v)
{
	if (v.n)
		add(w, sql, (struct where_value){ .type = WHERE_TEXT, .s = v });
}

void where_blob(struct where *w, const char *sql, const void *p, size_t n)
{
	add(w, sql, (struct where_value){ .type = WHERE_BLOB, .s = { p, n } });
}

/* "fix the bug" becomes "fix" "the" "bug"; a quote inside a word is doubled. */
static char *quote_words(struct slice s)
{
	char *out = malloc(3 * s.n + 3), *p = out;
	bool inside = false;

	if (!out)
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		bool blank = isspace((unsigned char)s.p[i]) || s.p[i] == '\0';

		if (blank == inside) {
			*p++ = '"';
			if (inside)
				*p++ = ' ';
			inside = !inside;
		}
		if (!blank) {
			if (s.p[i] == '"')
				*p++ = '"';
			*p++ = s.p[i];
		}
	}
	if (inside)
		*p++ = '"';
	*p = '\0';
	return out;
}

void where_words(struct where *w, const char *sql, struct slice words)
{
	char *quoted;

	if (slice_trim(words).n == 0)
		return;
	quoted = quote_words(words);
	if (!quoted)
		w->r = -ENOMEM;
	else
		add(w, sql,
		    (struct where_value){
			    .type = WHERE_TEXT, .s = slice_of(quoted), .own = quoted });
}

static int bind_values(const struct where *w, sqlite3_stmt *s)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < w->n && rc == SQLITE_OK; i++) {
		const struct where_value *v = &w->values[i];

		switch (v->type) {
		case WHERE_INT:
			rc = sqlite3_bind_int64(s, i + 1, v->i);
			break;
		case WHERE_TEXT:
			rc = sqlite3_bind_text64(s, i + 1, v->s.p, v->s.n, SQLITE_STATIC,
						 SQLITE_UTF8);
			break;
		case WHERE_BLOB:
			rc = sqlite3_bind_blob64(s, i + 1, v->s.p, v->s.n, SQLITE_STATIC);
			break;
		}
	}
	return rc;
}

int where_prepare(struct store_reader *r, struct where *w, const char *head, const char *tail,
		  sqlite3_stmt **ret)
{
	sqlite3_stmt *s = NULL;
	char *text;
	int rc;

	if (w->r < 0)
		return w->r;
	text = sqlite3_mprintf("%s WHERE 1 %.*s %s", head, (int)w->sql.n, w->sql.n ? w->sql.p : "",
			       tail);
	if (!text)
		return -ENOMEM;
	rc = sqlite3_prepare_v2(r->db, text, -1, &s, NULL);
	sqlite3_free(text);
	if (rc == SQLITE_OK)
		rc = bind_values(w, s);
	if (rc != SQLITE_OK) {
		sqlite3_finalize(s);
		return reader_errno(r, rc);
	}
	*ret = s;
	return 0;
}

const char *where_tail(const char *order, size_t limit, char *buf, size_t size)
{
	if (limit)
		snprintf(buf, size, "%s LIMIT %zu", order, limit);
	else
		snprintf(buf, size, "%s", order);
	return buf;
}

/* --- the filter --- */

/* The number of a status; that of a word that is none matches nothing. */
static void where_status(struct where *w, const char *sql, struct slice name)
{
	int status = 0;

	for (int i = RUN_RUNNING; i <= RUN_PAUSED; i++)
		if (slice_eq(slice_of(run_status_names[i]), name))
			status = i;
	if (name.n)
		where_int(w, sql, status);
}

static void where_id(struct where *w, const char *sql, const struct id128 *id)
{
	if (!id128_is_zero(id))
		where_blob(w, sql, id->b, sizeof(id->b));
}

#define FEW_WITH_WORDS 1000 /* runs */
#define FEW	       5000 /* steps that are looked up faster than all runs are read */

static bool are_few(sqlite3_stmt *s, int bound)
{
	const bool few = bound == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
			 sqlite3_column_int64(s, 0) < FEW;

	sqlite3_finalize(s);
	return few;
}

void where_look(struct store_reader *r, struct where *w, const struct store_filter *f)
{
	static const char tool[] = "SELECT count(*) FROM (SELECT 1 FROM spans WHERE tool_name = ?1"
				   " LIMIT 5000)";
	static const char step[] = "SELECT count(*) FROM (SELECT 1 FROM spans WHERE step = ?1"
				   " LIMIT 5000)";
	sqlite3_stmt *s = NULL;

	if (f->tool.n && sqlite3_prepare_v2(r->db, tool, -1, &s, NULL) == SQLITE_OK)
		w->few_of_tool = are_few(s, sqlite3_bind_text64(s, 1, f->tool.p, f->tool.n,
								SQLITE_STATIC, SQLITE_UTF8));
	if (f->step && sqlite3_prepare_v2(r->db, step, -1, &s, NULL) == SQLITE_OK)
		w->few_of_step = are_few(s, sqlite3_bind_int(s, 1, f->step));
}

void where_runs(struct where *w, const struct store_filter *f)
{
	if (f->since_ns)
		where_int(w, " AND r.start_ns >= ?", (int64_t)f->since_ns);
	if (f->until_ns)
		where_int(w, " AND r.start_ns < ?", (int64_t)f->until_ns);
	where_text(w, " AND r.agent = ?", f->agent);
	where_text(w, " AND " RUN_MODEL, f->model);
	where_text(w, " AND " RUN_PROVIDER, f->provider);
	where_text(w,
		   w->few_of_tool ? " AND r.id IN (SELECT run FROM spans WHERE tool_name = ?)"
				  : " AND " RUN_TOOL,
		   f->tool);
	where_status(w, " AND r.status = ?", f->status);
	where_text(w, " AND " RUN_TRIGGER, f->trigger);
	where_text(w, " AND " RUN_PROJECT, f->project);
	where_text(w, " AND r.workflow = ?", f->workflow);
	where_text(w, " AND r.user = ?", f->user);
	where_text(w, " AND " RUN_CONTAINER, f->container);
	where_text(w, " AND " RUN_NAMESPACE, f->namespace);
	where_text(w, " AND " RUN_POD, f->pod);
	/* "+": in order of start until there are enough, not all that have the words */
	where_words(w, " AND +r.n IN " RUN_WORDS, f->text);
	where_id(w, " AND r.id = ?", &f->run);
	where_id(w, " AND r.session = ?", &f->session);
	if (f->step)
		where_int(w,
			  w->few_of_step ? " AND r.id IN (SELECT run FROM spans WHERE step = ?)"
					 : " AND " RUN_STEP,
			  f->step);
	if (f->errors_only)
		where_plain(w, " AND (r.errors > 0 OR r.status = 3)");
	terms_on_runs(w, f);
}

#define OF_THESE(runs) " AND s.run IN (SELECT r.id FROM runs AS r WHERE " runs ")"
#define OF_EACH(runs)  " AND EXISTS (SELECT 1 FROM runs AS r WHERE r.id = s.run AND " runs ")"

/* The index of words is quick to count, and a step's run is found by its id at once. */
static bool are_many_with_words(struct store_reader *r, const struct store_filter *f)
{
	_cleanup_(where_done) struct where w = { 0 };
	int64_t n = 0;
	bool more;

	where_words(&w, " AND run_text MATCH ?", f->text);
	return w.n && count_rows(r, &w, "SELECT 1 FROM run_text", LIST_COUNT_MS, &n, &more) == 0 &&
	       n >= FEW_WITH_WORDS;
}

bool where_each_run(struct store_reader *r, const struct store_filter *f)
{
	_cleanup_(where_done) struct where w = { 0 };
	int64_t n = 0;
	bool more;

	if (are_many_with_words(r, f))
		return true;
	where_status(&w, " AND r.status = ?", f->status);
	where_text(&w, " AND " RUN_TRIGGER, f->trigger);
	return w.n && count_rows(r, &w, "SELECT 1 FROM runs AS r", LIST_COUNT_MS, &n, &more) == 0 &&
	       n >= FEW;
}

void where_spans(struct where *w, const struct store_filter *f)
{
	/* "+": a run's own are looked through, not all of that tool or kind. */
	const bool of_run = !id128_is_zero(&f->run);

	if (f->since_ns)
		where_int(w, " AND s.start_ns >= ?", (int64_t)f->since_ns);
	if (f->until_ns)
		where_int(w, " AND s.start_ns < ?", (int64_t)f->until_ns);
	where_text(w, " AND s.agent = ?", f->agent);
	where_text(w, " AND " SPAN_MODEL " = ?", f->model);
	where_text(w, " AND s.provider = ?", f->provider);
	where_text(w, of_run ? " AND +s.tool_name = ?" : " AND s.tool_name = ?", f->tool);
	where_status(w, w->each_run ? OF_EACH("r.status = ?") : OF_THESE("r.status = ?"),
		     f->status);
	where_text(w, w->each_run ? OF_EACH(RUN_TRIGGER) : OF_THESE(RUN_TRIGGER), f->trigger);
	where_text(w, " AND s.project = ?", f->project);
	where_text(w, " AND s.workflow = ?", f->workflow);
	where_text(w, " AND s.user = ?", f->user);
	where_text(w, OF_THESE(RUN_CONTAINER), f->container);
	where_text(w, OF_THESE(RUN_NAMESPACE), f->namespace);
	where_text(w, OF_THESE(RUN_POD), f->pod);
	where_words(w, w->each_run ? OF_EACH("+r.n IN " RUN_WORDS) : OF_THESE("r.n IN " RUN_WORDS),
		    f->text);
	where_id(w, " AND s.run = ?", &f->run);
	where_id(w, " AND s.run IN (SELECT id FROM runs WHERE session = ?)", &f->session);
	if (f->step)
		where_int(w, of_run ? " AND +s.step = ?" : " AND s.step = ?", f->step);
	if (f->errors_only)
		where_plain(w, " AND s.status = 2");
	terms_on_spans(w, f);
}
