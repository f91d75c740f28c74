/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/arguments.h"
#include "trace/observed/file_span.h"
#include "trace/observed/habits.h"

#define HAS(f, op) ((f)->ops & (1u << (op)))

/* --- the table --- */

static struct id128 key_of(const struct id64 *owner, struct slice path)
{
	struct id_hash h;

	id_hash_begin(&h, "owner-path");
	id_hash_bytes(&h, (struct slice){ (const char *)owner->b, sizeof(owner->b) });
	id_hash_bytes(&h, path);
	return id_hash_end(&h);
}

/* Never of the owner: a better one may be found later. */
static struct id64 span_id(const struct run_state *r, const struct sonde_event *e,
			   struct slice path)
{
	struct id_hash h;

	id_hash_begin(&h, "span");
	id_hash_bytes(&h, SLICE("file"));
	id_hash_bytes(&h, (struct slice){ (const char *)r->tree->id.b, sizeof(r->tree->id.b) });
	id_hash_u64(&h, e->tgid);
	id_hash_u64(&h, e->start_ns);
	id_hash_u64(&h, e->ts_ns);
	id_hash_bytes(&h, path);
	return id64_of(id_hash_end(&h));
}

static struct file_state *find(const struct files *files, const struct id128 *key)
{
	struct file_state *f;

	HASH_FIND(hh, files->by_key, key, sizeof(*key), f);
	return f;
}

struct file_state *file_by_number(const struct files *files, uint64_t dev, uint64_t ino)
{
	struct file_state *f = files->list ? files->list->prev : NULL;

	for (; f && ino; f = f == files->list ? NULL : f->prev)
		if (f->ino == ino && f->dev == dev)
			return f;
	return NULL;
}

static bool insert(struct files *files, struct file_state *f)
{
	HASH_ADD(hh, files->by_key, key, sizeof(f->key), f);
	return f->hh.tbl != NULL;
}

static void file_free(struct file_state *f)
{
	free(f->path);
	free(f->from);
	free(f);
}

static void forget(struct files *files, struct file_state *f)
{
	HASH_DEL(files->by_key, f);
	DL_DELETE(files->list, f);
	files->n--;
	files->n_dirty -= f->dirty;
	file_free(f);
}

void file_changed(struct run_state *r, struct file_state *f)
{
	r->files->n_dirty += !f->dirty;
	f->dirty = true;
}

/* Under another key; false where refused memory has ended it. */
static bool rekey(struct files *files, struct file_state *f, struct id128 key)
{
	HASH_DEL(files->by_key, f);
	f->key = key;
	if (insert(files, f))
		return true;
	DL_DELETE(files->list, f);
	files->n--;
	files->n_dirty -= f->dirty;
	file_free(f);
	return false;
}

static struct files *files_of(struct run_state *r)
{
	if (!r->files)
		r->files = calloc(1, sizeof(*r->files));
	return r->files;
}

static struct file_state *file_new(struct run_state *r, const struct sonde_event *e,
				   const struct owner *owner, struct slice path)
{
	struct files *files = r->files;
	struct file_state *f = files->n < RUN_FILES_MAX ? calloc(1, sizeof(*f)) : NULL;

	if (f)
		f->path = slice_dup(path);
	if (!f || !f->path) {
		r->dropped_steps++;
		free(f);
		return NULL;
	}
	f->key = key_of(&owner->id, path);
	f->id = span_id(r, e, path);
	f->owner = *owner;
	f->process = (struct process_key){ e->tgid, e->start_ns };
	f->start_ns = e->ts_ns;
	if (!insert(files, f)) {
		file_free(f);
		return NULL;
	}
	DL_APPEND(files->list, f);
	files->n++;
	return f;
}

/* --- whose it is --- */

/* The one waiting call whose arguments name it; one that is named outright comes first. */
static struct tool_state *named_by(struct tree_state *tree, const struct agent_span *a,
				   struct slice path, bool folder)
{
	struct tool_state *tool, *found = NULL;
	enum path_match best = PATH_NO;
	bool tie = false;

	list_for_each (tool, tree->tools) {
		enum path_match m;

		if (tool->server || !tool->paths.n ||
		    (tool->agent != a && !process_key_eq(tool->agent->process, a->process)))
			continue;
		m = arguments_name_path(tool->paths, path, folder);
		if (m == PATH_NO || m < best)
			continue;
		tie = m == best;
		best = m;
		found = tool;
	}
	return tie ? NULL : found;
}

static struct owner owner_of(struct tree_state *tree, struct process_key key, struct slice path,
			     bool folder)
{
	const struct owner o = owner_of_process(tree, key);
	struct tool_state *tool = o.tool ? NULL : named_by(tree, o.agent, path, folder);

	if (!tool)
		return o;
	tool->by_file |= !folder;
	return owner_of_tool(tool);
}

/* --- what happens to it --- */

struct event_paths {
	struct slice path, path2;
};

static struct event_paths paths_of(const struct sonde_file_event *e)
{
	struct event_paths p = { { e->text, e->path_len },
				 { e->text + e->path_len, e->path2_len } };

	p.path.n -= p.path.n > 0;
	p.path2.n -= p.path2.n > 0;
	return p;
}

/* The name that it goes by from now on. */
static struct slice subject(const struct sonde_file_event *e)
{
	const struct event_paths p = paths_of(e);

	return (e->op == SONDE_FILE_RENAMED || e->op == SONDE_FILE_LINKED) && p.path2.n ? p.path2
											: p.path;
}

static bool is_folder(const struct sonde_file_event *e)
{
	return e->op == SONDE_FILE_MADE_FOLDER || e->op == SONDE_FILE_REMOVED_FOLDER;
}

/* What was written beside a file has taken its place. */
static void replace(struct files *files, struct file_state *there, struct file_state *f)
{
	there->ops |= f->ops;
	there->dev = f->dev;
	there->ino = f->ino;
	there->bytes += f->bytes;
	there->size = f->size;
	there->writes += f->writes;
	forget(files, f);
}

/* A file gets another name: what was known of it goes along. NULL: nothing was. */
static struct file_state *rename_it(struct run_state *r, const struct sonde_file_event *e,
				    const struct owner *owner)
{
	const struct event_paths p = paths_of(e);
	const struct id128 from = key_of(&owner->id, p.path), to = key_of(&owner->id, p.path2);
	struct file_state *f = find(r->files, &from), *there = find(r->files, &to);
	char *path;

	if (!f || there == f)
		return there;
	if (there) {
		if (f->told)
			return f;
		replace(r->files, there, f);
		return there;
	}
	path = slice_dup(p.path2);
	if (!path)
		return f;
	free(f->from);
	f->from = f->path;
	f->path = path;
	return rekey(r->files, f, to) ? f : NULL;
}

static void take(struct file_state *f, const struct sonde_file_event *e)
{
	f->last_ns = e->hdr.ts_ns;
	f->ops |= 1u << e->op;
	f->folder = is_folder(e);
	f->cut |= (e->flags & SONDE_FILE_PATH_CUT) != 0;
	f->partial |= (e->flags & SONDE_FILE_PATH_PARTIAL) != 0;
	f->mapped |= (e->flags & SONDE_FILE_MAPPED) != 0;
	f->remote |= (e->flags & SONDE_FILE_REMOTE) != 0;
	if (e->ino) { /* of what is closed: other events have only the path */
		f->dev = e->dev;
		f->ino = e->ino;
	}
	if (e->op != SONDE_FILE_REFUSED)
		f->gone = e->op == SONDE_FILE_REMOVED || e->op == SONDE_FILE_REMOVED_FOLDER;
	if (e->op == SONDE_FILE_REFUSED)
		f->error = e->result < 0 ? -e->result : 0;
	if (e->op != SONDE_FILE_WRITTEN)
		return;
	f->created |= (e->flags & SONDE_FILE_CREATED) != 0;
	f->bytes += e->bytes;
	f->size = e->size;
	f->writes++;
	/* What was told of its content is no more. */
	f->artifact = 0;
	f->hashed = f->binary = false;
	f->content = (struct id128){ 0 };
}

/* A tool's program that has only closed what it had from the agent has done nothing to it. */
static bool is_own(const struct owner *o, const struct file_state *f)
{
	return strcmp(o->evidence, "arguments") != 0 &&
	       habit_file(slice_of(o->agent->name), slice_of(f->path),
			  o->tool &&
				  (f->bytes || f->created || f->ops != 1u << SONDE_FILE_WRITTEN));
}

static struct file_state *find_or_add(struct run_state *r, const struct sonde_file_event *e,
				      const struct owner *owner)
{
	const struct slice path = subject(e);
	const struct id128 key = key_of(&owner->id, path);
	struct file_state *f = NULL;

	/* Opened without a name, or not by the one that is left. */
	if (path.n == 0)
		return file_by_number(r->files, e->dev, e->ino);
	if (e->op == SONDE_FILE_RENAMED)
		f = rename_it(r, e, owner);
	if (!f)
		f = find(r->files, &key);
	if (!f)
		f = file_new(r, &e->hdr, owner, path);
	if (f && path.p != paths_of(e).path.p && !f->from)
		keep(&f->from, paths_of(e).path);
	return f;
}

void file_event(struct tree_state *tree, const struct sonde_file_event *e)
{
	const struct process_key key = { e->hdr.tgid, e->hdr.start_ns };
	const struct slice path = subject(e);
	struct owner owner;
	struct file_state *f;

	if ((path.n == 0 && !e->ino) || e->op > SONDE_FILE_REFUSED)
		return;
	owner = owner_of(tree, key, path, is_folder(e));
	if (!files_of(owner.run))
		return;
	f = find_or_add(owner.run, e, &owner);
	if (!f)
		return;
	f->final |= owner_is_over(&owner);
	take(f, e);
	f->own = is_own(&owner, f);
	file_changed(owner.run, f);
}

/* --- telling --- */

static void tell(struct run_state *r, struct file_state *f)
{
	if (!owner_is_shown(r->tree, &f->owner, f->process))
		return;
	r->files->n_dirty -= f->dirty;
	f->dirty = false;
	f->told = true;
	f->emitted_ns = r->t->now_ns;
	file_emit(r, f);
}

/* The first time at once with the next tick: what is renamed right away is told under its name. */
void file_tick(struct run_state *r)
{
	struct file_state *f;

	if (!r->files || !r->files->n_dirty)
		return;
	list_for_each (f, r->files->list)
		if (f->dirty &&
		    (!f->told || f->final || r->t->now_ns >= f->emitted_ns + EMIT_EVERY_NS))
			tell(r, f);
}

static void finish(struct run_state *r, struct file_state *f)
{
	if (f->final && !f->dirty)
		return;
	f->final = true;
	tell(r, f);
}

void file_owner_ended(struct run_state *r, const struct id64 *owner)
{
	struct file_state *f;

	if (!r->files)
		return;
	list_for_each (f, r->files->list)
		if (id64_eq(&f->owner.id, owner))
			finish(r, f);
}

void file_finish_all(struct run_state *r)
{
	struct file_state *f;

	if (!r->files)
		return;
	list_for_each (f, r->files->list)
		finish(r, f);
}

static void give_to(struct run_state *r, struct file_state *f, const struct owner *o)
{
	const struct id128 key = key_of(&o->id, slice_of(f->path));

	f->owner = *o;
	f->own = is_own(o, f);
	file_changed(r, f);
	if (!find(r->files, &key)) /* else the two stay two */
		rekey(r->files, f, key);
}

/* A program that was of no run yet has found one. */
static void give_away(struct run_state *r, struct file_state *f, const struct owner *o)
{
	struct files *from = r->files, *to = files_of(o->run);

	if (!to || to->n >= RUN_FILES_MAX)
		return;
	HASH_DEL(from->by_key, f);
	DL_DELETE(from->list, f);
	from->n--;
	from->n_dirty -= f->dirty;
	f->dirty = false;
	f->key = key_of(&o->id, slice_of(f->path));
	f->owner = *o;
	if (!insert(to, f)) {
		file_free(f);
		return;
	}
	DL_APPEND(to->list, f);
	to->n++;
	file_changed(o->run, f);
}

void file_tool_opened(struct tool_state *tool)
{
	struct run_state *r = tool->run;
	struct file_state *f = r->files && r->files->list ? r->files->list->prev : NULL, *before;

	for (; f && f->start_ns >= tool->start_ns; f = before) {
		const struct owner o =
			f->owner.tool ? f->owner
				      : owner_of(r->tree, f->process, slice_of(f->path), f->folder);

		before = f == r->files->list ? NULL : f->prev;
		if (id64_eq(&o.id, &tool->id))
			give_to(r, f, &o);
	}
}

/* Nothing that it did is older than it. */
static void moved_in(struct run_state *r, const struct proc_state *ps)
{
	struct file_state *f = r->files && r->files->list ? r->files->list->prev : NULL, *before;

	for (; f && f->start_ns >= ps->start_ns; f = before) {
		const struct owner o = owner_of_process(ps->tree, f->process);

		before = f == r->files->list ? NULL : f->prev;
		if (strcmp(f->owner.evidence, "arguments") == 0 || id64_eq(&o.id, &f->owner.id))
			continue;
		if (o.run == r)
			give_to(r, f, &o);
		else if (!f->told)
			give_away(r, f, &o);
	}
}

void file_program_moved(const struct proc_state *ps)
{
	moved_in(ps->run, ps);
	if (ps->run != ps->tree->runs) /* that is where it waited for a run of its own */
		moved_in(ps->tree->runs, ps);
}

struct file_counts file_count(const struct run_state *r, const struct id64 *owner)
{
	struct file_counts n = { 0 };
	const struct file_state *f;

	if (!r->files)
		return n;
	list_for_each (f, r->files->list) {
		if (f->own || !id64_eq(&f->owner.id, owner))
			continue;
		n.written += HAS(f, SONDE_FILE_WRITTEN) && !f->gone;
		n.removed += HAS(f, SONDE_FILE_REMOVED) && f->gone && !f->created;
	}
	return n;
}

void file_free_all(struct run_state *r)
{
	if (!r->files)
		return;
	while (r->files->list)
		forget(r->files, r->files->list);
	buf_done(&r->files->pending);
	free(r->files);
	r->files = NULL;
}
