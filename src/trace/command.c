/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/command.h"

#include "base/argv.h"
#include "base/json.h"
#include "base/util.h"
#include "trace/launcher.h"

#define INSIDE_MIN    8 /* bytes: what is shorter turns up in other programs' arguments by chance */
#define ARGS_MAX      512

#define LAUNCHERS_MAX 8 /* of one command line: sudo nice timeout ... */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct slice command_normalise(struct slice text, struct arena *mem)
{
	char *out;
	size_t n = 0;

	if (text.n > COMMAND_MAX)
		text.n = COMMAND_MAX;
	out = arena_alloc(mem, text.n + 1);
	if (!out)
		return (struct slice){ 0 };
	for (size_t i = 0; i < text.n; i++) {
		const char c = text.p[i];

		if (c == '\'' || c == '"' || c == '\\' || c == '\0')
			continue;
		if (!blank(c))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	if (n > 0 && out[n - 1] == ' ')
		n--;
	return (struct slice){ out, n };
}

/* --- arguments of tools that run commands --- */

/* Members that hold a command, as the known agents name them. */
static const struct slice command_keys[] = {
	{ "command", 7 },      { "cmd", 3 },	       { "script", 6 }, { "shell_command", 13 },
	{ "commandLine", 11 }, { "bash_command", 12 }, { "code", 4 },
};

static void add_word(struct arena *mem, struct buf *out, struct slice word)
{
	if (out->n)
		arena_add(mem, out, SLICE(" "));
	arena_add(mem, out, word);
}

/* ["bash","-lc","ls"] says ls; ["ls","-l"] says all of it. */
static struct slice command_of_array(struct slice array, struct arena *mem)
{
	struct json_iter it;
	struct slice value, last = { 0 };
	struct buf all = { 0 };
	bool shell = false;

	if (!json_array(array, &it))
		return (struct slice){ 0 };
	for (size_t i = 0; i < ARGS_MAX && json_next(&it, &value); i++) {
		last = json_text(value, mem);
		if (i == 1)
			shell = last.n >= 2 && last.p[0] == '-' && last.p[last.n - 1] == 'c';
		add_word(mem, &all, last);
	}
	return shell ? last : buf_slice(&all);
}

static struct slice command_of_object(struct slice object, struct arena *mem)
{
	for (size_t i = 0; i < ARRAY_SIZE(command_keys); i++) {
		const struct slice value = json_member(object, command_keys[i]);
		struct slice text;

		if (value.n == 0)
			continue;
		text = value.p[0] == '[' ? command_of_array(value, mem) : json_text(value, mem);
		if (text.n)
			return text;
	}
	return (struct slice){ 0 };
}

struct slice command_of_arguments(struct slice json, struct arena *mem)
{
	struct slice text;

	if (json.n > COMMAND_MAX || !json_valid(json))
		return (struct slice){ 0 };
	text = command_of_object(json, mem);
	if (text.n == 0) /* the Responses API's local shell: {"action":{"command":[...]}} */
		text = command_of_object(json_member(json, SLICE("action")), mem);
	return command_normalise(text, mem);
}

/* --- programs --- */

/* Characters that a longer word or path could go on with. */
static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == '/';
}

/* `eval CMD`, `bash -c CMD`, `bash -lc CMD`: what follows is a command however short it is. */
static bool after_shell(struct slice text, size_t at)
{
	static const struct slice words[] = { { "eval ", 5 }, { "-c ", 3 }, { "-lc ", 4 } };
	const struct slice before = { text.p, at };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (slice_ends(before, words[i]) &&
		    (before.n == words[i].n || !word_char(before.p[before.n - words[i].n - 1])))
			return true;
	return false;
}

static enum command_match match_at(struct slice command, struct slice text, size_t at)
{
	const size_t end = at + command.n;

	if (at > 0 && word_char(text.p[at - 1]) && word_char(command.p[0]))
		return COMMAND_NO;
	if (end < text.n && word_char(text.p[end]) && word_char(command.p[command.n - 1]))
		return COMMAND_NO;
	if (after_shell(text, at) || (end == text.n && (command.n >= INSIDE_MIN || at < 2 ||
							strchr(";&|({", text.p[at - 2]))))
		return COMMAND_TAIL;
	return command.n >= INSIDE_MIN ? COMMAND_INSIDE : COMMAND_NO;
}

static enum command_match match_text(struct slice command, struct slice text)
{
	enum command_match best = COMMAND_NO;

	if (slice_eq(command, text))
		return COMMAND_EXACT;
	for (size_t at = 0; at + command.n <= text.n; at++) {
		const char *p = memmem(text.p + at, text.n - at, command.p, command.n);
		enum command_match m;

		if (!p)
			break;
		at = (size_t)(p - text.p);
		m = match_at(command, text, at);
		if (m > best)
			best = m;
	}
	return best;
}

/* "/bin/ls -l" and "ls -l" are one command. */
static struct slice base_name_of_line(struct slice line)
{
	struct slice first = line, rest;

	slice_cut(line, ' ', &first, &rest);
	return slice_from(line, first.n - slice_base(first).n);
}

/* The arguments as one comparable line, the program by its base name. */
static struct slice line_of(struct slice argv, struct arena *mem)
{
	struct buf line = { 0 };
	struct slice arg;

	for (size_t i = 0; i < ARGS_MAX && argv_next(&argv, &arg); i++) {
		arg = command_normalise(arg, mem);
		add_word(mem, &line, i ? arg : slice_base(arg));
	}
	return buf_slice(&line);
}

/* Whether it is run as it stands, maybe by programs that only run others. */
static bool is_line(struct slice command, struct slice argv, struct arena *mem)
{
	const struct slice wanted = base_name_of_line(command);

	for (int i = 0; i < LAUNCHERS_MAX; i++) {
		if (slice_eq(wanted, line_of(argv, mem)))
			return true;
		if (!launcher_skip(&argv))
			return false;
	}
	return false;
}

enum command_match command_match(struct slice command, struct slice argv, struct arena *mem)
{
	enum command_match best = COMMAND_NO;
	struct slice rest = argv, arg;
	bool after_c = false;

	if (command.n == 0 || !argv_next(&rest, &arg))
		return COMMAND_NO;
	/* The program's own name is no command: `ls` alone is judged by the line. */
	for (size_t i = 1; i < ARGS_MAX && argv_next(&rest, &arg); i++) {
		enum command_match m = match_text(command, command_normalise(arg, mem));

		/* A short word is an argument like others: `make test` does not run test(1). */
		if (m == COMMAND_EXACT && command.n < INSIDE_MIN && !after_c &&
		    !memchr(command.p, ' ', command.n))
			m = COMMAND_NO;
		if (m > best)
			best = m;
		after_c = arg.n >= 2 && arg.p[0] == '-' && arg.p[arg.n - 1] == 'c';
	}
	if (best < COMMAND_EXACT && is_line(command, argv, mem))
		best = COMMAND_EXACT;
	return best;
}
