/* SPDX-License-Identifier: BSD-2-Clause */
/* The tools that a request offers. */
#include "llm/format.h"

#define TOOLS_DEPTH_MAX 4 /* namespaces of tools in each other */

/* The tools in a group of them: a namespace of the Responses API; Gemini's, in two spellings. */
static struct slice tools_in(struct slice tool)
{
	static const char *const names[] = { "tools", "functionDeclarations",
					     "function_declarations" };
	struct slice v[ARRAY_SIZE(names)];

	json_members(tool, names, v, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (v[i].n)
			return v[i];
	return (struct slice){ 0 };
}

static int64_t count(struct slice array, int depth)
{
	struct json_iter it;
	struct slice tool;
	int64_t n = 0;

	if (depth > TOOLS_DEPTH_MAX || !json_array(array, &it))
		return 0;
	while (json_next(&it, &tool)) {
		const int64_t inner = count(tools_in(tool), depth + 1);

		if (json_member(tool, SLICE("cachePoint")).n) /* Bedrock's mark, no tool */
			continue;
		n += inner ? inner : 1;
	}
	return n;
}

int64_t llm_count_tools(struct slice array)
{
	return count(array, 0);
}

struct walk {
	llm_tool_fn fn;
	void *ctx;
	struct arena *mem;
};

/* False where it was ended. */
static bool walk(const struct walk *w, struct slice tools, int depth)
{
	enum { NAME, DESCRIPTION, FUNCTION, SPEC, N };
	static const char *const names[N] = { "name", "description", "function", "toolSpec" };
	struct slice tool, inner, name, v[N];
	struct json_iter it;

	if (depth > TOOLS_DEPTH_MAX || !json_array(tools, &it))
		return true;
	while (json_next(&it, &tool)) {
		json_members(tool, names, v, N);
		inner = tools_in(tool);
		if (inner.n && !walk(w, inner, depth + 1))
			return false;
		if (v[SPEC].n)
			v[FUNCTION] = v[SPEC];
		if (inner.n || (v[FUNCTION].n && !json_members(v[FUNCTION], names, v, N)))
			continue;
		name = json_text(v[NAME], w->mem);
		if (name.n && !w->fn(w->ctx, name, v[DESCRIPTION]))
			return false;
	}
	return true;
}

void llm_each_tool(struct slice tools, struct arena *mem, llm_tool_fn fn, void *ctx)
{
	walk(&(struct walk){ fn, ctx, mem }, tools, 0);
}

struct wanted {
	struct slice name, description;
};

static bool is_wanted(void *ctx, struct slice name, struct slice description)
{
	struct wanted *w = ctx;

	if (!slice_eq(name, w->name))
		return true;
	w->description = description;
	return false;
}

struct slice llm_tool_description(struct slice tools, struct slice name, struct arena *mem)
{
	struct wanted w = { .name = name };

	llm_each_tool(tools, mem, is_wanted, &w);
	return json_text(w.description, mem);
}
