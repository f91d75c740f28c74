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

static struct slice find_description(struct slice tools, struct slice name, struct arena *mem,
				     int depth)
{
	enum { NAME, DESCRIPTION, FUNCTION, SPEC, N };
	static const char *const names[N] = { "name", "description", "function", "toolSpec" };
	struct slice tool, inner, found = { 0 }, v[N];
	struct json_iter it;

	if (depth > TOOLS_DEPTH_MAX || !json_array(tools, &it))
		return found;
	while (!found.n && json_next(&it, &tool)) {
		json_members(tool, names, v, N);
		inner = tools_in(tool);
		if (inner.n)
			found = find_description(inner, name, mem, depth + 1);
		if (v[SPEC].n)
			v[FUNCTION] = v[SPEC];
		if (v[FUNCTION].n && !json_members(v[FUNCTION], names, v, N))
			continue;
		if (!found.n && slice_eq(json_text(v[NAME], mem), name))
			found = json_text(v[DESCRIPTION], mem);
	}
	return found;
}

struct slice llm_tool_description(struct slice tools, struct slice name, struct arena *mem)
{
	return find_description(tools, name, mem, 0);
}
