/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/arguments.h"

#include "base/json.h"
#include "base/util.h"

#define PATHS_MAX	64    /* that one call can name */
#define PATHS_TEXT_MAX	16384 /* bytes of them */
#define MEMBERS_MAX	64
#define PATCH_LINES_MAX 65536
#define HTTP_PORT	80
#define HTTPS_PORT	443

/* --- paths --- */

/* Members that name a file, as the known agents call them. */
static const struct slice path_members[] = {
	{ "file_path", 9 },	 { "path", 4 },		  { "filePath", 8 },
	{ "filepath", 8 },	 { "file", 4 },		  { "filename", 8 },
	{ "absolute_path", 13 }, { "notebook_path", 13 }, { "target_file", 11 },
	{ "destination", 11 },	 { "new_path", 8 },	  { "source", 6 },
};

/* Lines of a patch that name one: Codex' own format. */
static const struct slice patch_heads[] = {
	{ "*** Add File: ", 14 },
	{ "*** Update File: ", 17 },
	{ "*** Delete File: ", 17 },
	{ "*** Move to: ", 13 },
};

struct paths {
	struct buf text;
	unsigned n;
};

static void add_path(struct paths *p, struct arena *mem, struct slice path)
{
	path = slice_trim(path);
	if (path.n == 0 || memchr(path.p, '\0', path.n) || p->n >= PATHS_MAX ||
	    p->text.n + path.n >= PATHS_TEXT_MAX)
		return;
	p->n++;
	arena_add(mem, &p->text, path);
	arena_add(mem, &p->text, (struct slice){ "", 1 });
}

static void add_patch(struct paths *p, struct arena *mem, struct slice text)
{
	struct slice line, rest = text;

	for (int i = 0; i < PATCH_LINES_MAX && rest.n; i++) {
		if (!slice_cut(rest, '\n', &line, &rest)) {
			line = rest;
			rest.n = 0;
		}
		for (size_t h = 0; h < ARRAY_SIZE(patch_heads); h++)
			if (slice_starts(line, patch_heads[h]))
				add_path(p, mem, slice_from(line, patch_heads[h].n));
	}
}

static bool names_path(struct slice key)
{
	for (size_t i = 0; i < ARRAY_SIZE(path_members); i++)
		if (slice_eq(key, path_members[i]))
			return true;
	return false;
}

struct slice arguments_paths(struct slice args, struct arena *mem)
{
	static const struct slice patch = { "*** Begin Patch", 15 };
	struct paths p = { 0 };
	struct slice key, value;
	struct json_iter it;

	if (!json_object(args, &it)) {
		if (slice_has(args, patch))
			add_patch(&p, mem, args);
		return buf_slice(&p.text);
	}
	for (int i = 0; i < MEMBERS_MAX && json_next_member(&it, &key, &value); i++) {
		if (names_path(key))
			add_path(&p, mem, json_text(value, mem));
		else if (slice_has(value, patch))
			add_patch(&p, mem, json_text(value, mem));
	}
	return buf_slice(&p.text);
}

static struct slice folder_of(struct slice path)
{
	const struct slice base = slice_base(path);

	return (struct slice){ path.p, path.n - base.n };
}

/* "/a/b/" is where "b/" leads to, from somewhere. */
static bool same_folder(struct slice folder, struct slice named)
{
	while (slice_starts(named, SLICE("./")))
		named = slice_from(named, 2);
	if (named.n == 0 || slice_eq(folder, named))
		return true;
	return named.p[0] != '/' && slice_ends(folder, named) &&
	       folder.p[folder.n - named.n - 1] == '/';
}

static enum path_match name_one(struct slice named, struct slice path, bool folder)
{
	const struct slice base = slice_base(named);

	if (folder)
		return named.n > path.n && slice_starts(named, path) && named.p[path.n] == '/'
			       ? PATH_IT
			       : PATH_NO;
	if (base.n == 0 || !same_folder(folder_of(path), folder_of(named)))
		return PATH_NO;
	if (slice_eq(slice_base(path), base))
		return PATH_IT;
	return slice_has(slice_base(path), base) ? PATH_BESIDE : PATH_NO;
}

enum path_match arguments_name_path(struct slice paths, struct slice path, bool folder)
{
	enum path_match best = PATH_NO;
	struct slice named;

	while (slice_cut(paths, '\0', &named, &paths)) {
		const enum path_match m = name_one(named, path, folder);

		if (m > best)
			best = m;
	}
	return best;
}

/* --- addresses --- */

static const struct slice url_members[] = { { "url", 3 }, { "uri", 3 }, { "URL", 3 } };

static bool is_http(struct slice url)
{
	return slice_istarts(url, SLICE("http://")) || slice_istarts(url, SLICE("https://"));
}

struct slice arguments_url(struct slice args, struct arena *mem)
{
	for (size_t i = 0; i < ARRAY_SIZE(url_members); i++) {
		const struct slice url =
			slice_trim(json_text(json_member(args, url_members[i]), mem));

		if (is_http(url))
			return url;
	}
	return (struct slice){ 0 };
}

/* --- skills --- */

static const struct slice skill_tools[] = {
	{ "Skill", 5 },		  /* Claude Code */
	{ "skill", 5 },		  /* opencode */
	{ "activate_skill", 14 }, /* Gemini CLI */
};
static const struct slice skill_members[] = { { "skill", 5 }, { "name", 4 }, { "command", 7 } };

/* "cat /home/u/.codex/skills/pdf/SKILL.md": pdf. */
static struct slice skill_of_path(struct slice text)
{
	static const struct slice file = { "/SKILL.md", 9 };
	const char *end = text.n ? memmem(text.p, text.n, file.p, file.n) : NULL;
	const char *at = end;

	while (at && at > text.p && !strchr("/ \t\n\"'\\=", at[-1]))
		at--;
	return (struct slice){ at, at ? (size_t)(end - at) : 0 };
}

struct slice arguments_skill(struct slice tool, struct slice args, struct arena *mem)
{
	for (size_t i = 0; i < ARRAY_SIZE(skill_tools); i++) {
		if (!slice_eq(tool, skill_tools[i]))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(skill_members); k++) {
			const struct slice v = json_member(args, skill_members[k]);

			if (v.n > 2 && v.p[0] == '"')
				return json_text(v, mem);
		}
	}
	return skill_of_path(args);
}

/* --- addresses --- */

/* "host[:port]" and what follows it, "/" at least. */
static bool split_url(struct slice url, struct slice *ret_authority, struct slice *ret_target)
{
	struct slice rest;
	size_t n = 0;

	if (!is_http(url) || !slice_cut(url, '/', &rest, &rest))
		return false;
	rest = slice_from(rest, 1); /* the second slash */
	while (n < rest.n && !strchr("/?#", rest.p[n]))
		n++;
	*ret_authority = (struct slice){ rest.p, n };
	*ret_target = slice_from(rest, n);
	slice_cut(*ret_target, '#', ret_target, &rest);
	if (ret_target->n == 0)
		*ret_target = SLICE("/");
	return n > 0;
}

bool url_peer(struct slice url, struct slice *ret_host, unsigned *ret_port)
{
	struct slice authority, target, port;
	const char *colon;
	uint64_t n;

	if (!split_url(url, &authority, &target))
		return false;
	*ret_port = slice_istarts(url, SLICE("https")) ? HTTPS_PORT : HTTP_PORT;
	*ret_host = authority;
	colon = memrchr(authority.p, ':', authority.n);
	if (!colon || memchr(colon, ']', authority.n - (size_t)(colon - authority.p)))
		return true;
	port = slice_from(authority, (size_t)(colon - authority.p) + 1);
	if (!slice_u64(port, &n) || n > UINT16_MAX)
		return false;
	*ret_port = (unsigned)n;
	ret_host->n = (size_t)(colon - authority.p);
	return true;
}

bool url_is(struct slice url, struct slice host, struct slice target)
{
	struct slice authority, wanted, name;
	unsigned port;

	if (!split_url(url, &authority, &wanted) || !url_peer(url, &name, &port))
		return false;
	if (!slice_ieq(authority, host) &&
	    !((port == HTTP_PORT || port == HTTPS_PORT) && slice_ieq(name, host)))
		return false;
	return slice_eq(wanted, target);
}
