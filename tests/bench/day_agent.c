/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An agent of the generated day: asks over HTTP with its whole history, gets an answer in pieces
 * that wants a command, runs it, and so on. Some talk to a tool server, some write files, some
 * end as they should not.
 */
#include "day.h"

#include <stdarg.h>

#include "../unit/events.h"

#define ANSWER_NS (2 * DAY_SEC)
#define SERVER	  10000000 /* number of its first task, and of its scope */

enum step { BEGINS, ASKS, IS_ANSWERED, IS_DONE, RUNS_COMMAND, ENDS };

static union test_event ev;

/* --- how it goes wrong, of so many --- */

static bool is_killed(const struct day_agent *a)
{
	return a->number % 50 == 7;
}

static bool close_is_lost(const struct day_agent *a)
{
	return a->number % 100 == 13;
}

static bool exit_is_lost(const struct day_agent *a)
{
	return a->number % 200 == 77;
}

static bool has_tool_server(const struct day_agent *a)
{
	return a->number % 20 == 5;
}

/* --- events of its --- */

static void give(struct day_agent *a, struct sonde_event *e)
{
	e->start_ns = a->start_ns;
	day_feed(e);
}

static void give_data(struct day_agent *a, uint64_t conn, uint64_t pos[2], uint8_t dir,
		      struct slice bytes)
{
	while (bytes.n) {
		const size_t n = bytes.n < SONDE_CHUNK_MAX ? bytes.n : SONDE_CHUNK_MAX;

		ev_data(&ev, a->pid, conn, dir, pos[dir], (struct slice){ bytes.p, n });
		pos[dir] += n;
		bytes = slice_from(bytes, n);
		give(a, &ev.hdr);
	}
}

static void open_conn(struct day_agent *a, uint64_t conn, uint32_t flags, uint8_t family)
{
	ev_conn(&ev, SONDE_EV_CONN_OPEN, a->pid, conn, family, 443);
	ev.conn.flags = flags;
	give(a, &ev.hdr);
}

static void close_conn(struct day_agent *a, uint64_t conn)
{
	give(a, ev_conn(&ev, SONDE_EV_CONN_CLOSE, a->pid, conn, 2, 443));
}

static uint64_t new_conn(void)
{
	static uint64_t n = 1;

	return n++;
}

/* A command below it that writes a file. */
static void command(struct day_agent *a)
{
	const uint32_t pid = a->pid + 1;
	char path[64], argv[64];
	const size_t n = 1 + (size_t)snprintf(argv, sizeof(argv), "make%cpart-%u", 0, a->number);
	const uint64_t start_ns = day_now();

	ev_fork(&ev, a->pid, pid);
	ev.fork.child_start_ns = start_ns;
	ev.fork.scope = a->scope;
	give(a, &ev.hdr);
	ev_exec(&ev, pid, "/usr/bin/make", "/proj", (struct slice){ argv, n - 1 });
	ev.hdr.start_ns = start_ns;
	ev.exec.parent_tgid = a->pid;
	ev.exec.parent_start_ns = a->start_ns;
	day_feed(&ev.hdr);
	snprintf(path, sizeof(path), "/proj/out/part-%u-%u", a->number, a->calls_left);
	ev_file(&ev, pid, SONDE_FILE_WRITTEN, path, NULL);
	ev.hdr.start_ns = start_ns;
	day_feed(&ev.hdr);
	ev_connect(&ev, pid, (__u16)(10000 + a->number % 20000), 0);
	ev.hdr.start_ns = start_ns;
	day_feed(&ev.hdr);
	ev_exit(&ev, pid, day_chance(10) == 0, 0);
	ev.hdr.start_ns = start_ns;
	day_feed(&ev.hdr);
}

/* --- what it says --- */

__attribute__((format(printf, 2, 3))) static void remember(struct day_agent *a, const char *fmt,
							   ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(a->history + a->said, sizeof(a->history) - a->said, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(a->history) - a->said)
		a->said += (size_t)n;
}

static void ask(struct day_agent *a)
{
	static const char before[] =
		"{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":32000,\"stream\":true,"
		"\"system\":\"You build parts.\",\"tools\":[{\"name\":\"Bash\",\"description\":"
		"\"runs a command\",\"input_schema\":{\"type\":\"object\"}}],\"messages\":[";
	char head[512];
	const size_t body = sizeof(before) - 1 + a->said + 2;
	const int n = snprintf(head, sizeof(head),
			       "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n"
			       "Authorization: Bearer sk-ant-key-%u-0123456789abcdef\r\n"
			       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			       a->number % 40, body);

	give_data(a, a->conn, a->pos, SONDE_DIR_OUT, (struct slice){ head, (size_t)n });
	give_data(a, a->conn, a->pos, SONDE_DIR_OUT, SLICE(before));
	give_data(a, a->conn, a->pos, SONDE_DIR_OUT, (struct slice){ a->history, a->said });
	give_data(a, a->conn, a->pos, SONDE_DIR_OUT, SLICE("]}"));
}

__attribute__((format(printf, 3, 4))) static void event(struct day_agent *a, const char *kind,
							const char *fmt, ...)
{
	char data[2048], text[2304], chunk[2400];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	n = snprintf(text, sizeof(text), "event: %s\ndata: {\"type\":\"%s\",%s}\n\n", kind, kind,
		     data);
	n = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", (unsigned)n, text);
	give_data(a, a->conn, a->pos, SONDE_DIR_IN, (struct slice){ chunk, (size_t)n });
}

static void answer_begins(struct day_agent *a)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";

	give_data(a, a->conn, a->pos, SONDE_DIR_IN, SLICE(head));
	event(a, "message_start",
	      "\"message\":{\"id\":\"msg_%u_%u\",\"type\":\"message\",\"role\":\"assistant\","
	      "\"model\":\"claude-sonnet-4-5\",\"content\":[],\"usage\":{\"input_tokens\":12,"
	      "\"cache_read_input_tokens\":2000,\"output_tokens\":1}}",
	      a->number, a->calls_left);
	event(a, "content_block_start",
	      "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
	event(a, "content_block_delta",
	      "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Part %u.%u is next.\"}",
	      a->number, a->calls_left);
	event(a, "content_block_stop", "\"index\":0");
}

static void answer_ends(struct day_agent *a, bool wants_command)
{
	if (wants_command) {
		event(a, "content_block_start",
		      "\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_%u_%u\","
		      "\"name\":\"Bash\",\"input\":{}}",
		      a->number, a->calls_left);
		event(a, "content_block_delta",
		      "\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"
		      "\"{\\\"command\\\":\\\"make part-%u\\\"}\"}",
		      a->number);
		event(a, "content_block_stop", "\"index\":1");
	}
	event(a, "message_delta",
	      "\"delta\":{\"stop_reason\":\"%s\"},\"usage\":{\"output_tokens\":180}",
	      wants_command ? "tool_use" : "end_turn");
	event(a, "message_stop", "\"x\":0");
	give_data(a, a->conn, a->pos, SONDE_DIR_IN, SLICE("0\r\n\r\n"));
}

/* What was answered and what came of the command, as the next request repeats them. */
static void remember_turn(struct day_agent *a)
{
	char result[1024];
	size_t n = 0;

	while (n < sizeof(result) - 16)
		n += (size_t)snprintf(result + n, sizeof(result) - n, "ok %u.%llu ", a->number,
				      (unsigned long long)day_chance(100000));
	remember(a,
		 ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Part %u.%u "
		 "is next.\"},{\"type\":\"tool_use\",\"id\":\"toolu_%u_%u\",\"name\":\"Bash\","
		 "\"input\":{\"command\":\"make part-%u\"}}]},{\"role\":\"user\",\"content\":[{"
		 "\"type\":\"tool_result\",\"tool_use_id\":\"toolu_%u_%u\",\"content\":\"%s\"}]}",
		 a->number, a->calls_left, a->number, a->calls_left, a->number, a->number,
		 a->calls_left, result);
}

/* --- a tool server over a pair of sockets --- */

static void talk(struct day_agent *a)
{
	static const struct slice said[][2] = {
		{ SLICE("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			"\"protocolVersion\":\"2025-06-18\",\"clientInfo\":{\"name\":\"day\","
			"\"version\":\"1\"}}}\n"),
		  SLICE("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":"
			"\"2025-06-18\",\"serverInfo\":{\"name\":\"notes\",\"version\":\"2\"}}}"
			"\n") },
		{ SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"note\",\"arguments\":{\"text\":\"hello\"}}}\n"),
		  SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":"
			"\"text\",\"text\":\"noted\"}]}}\n") },
	};

	a->talk = new_conn();
	a->talk_pos[0] = a->talk_pos[1] = 0;
	open_conn(a, a->talk, SONDE_CONN_CLIENT | SONDE_CONN_TALK, 1);
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		give_data(a, a->talk, a->talk_pos, SONDE_DIR_OUT, said[i][0]);
		give_data(a, a->talk, a->talk_pos, SONDE_DIR_IN, said[i][1]);
	}
	if (!close_is_lost(a))
		close_conn(a, a->talk);
}

/* --- its life --- */

static void scope(struct day_agent *a, const char *program)
{
	char json[512], argv[128];
	const size_t n = 1 + (size_t)snprintf(argv, sizeof(argv), "%s%c-p%cbuild part %u", program,
					      0, 0, a->number);

	snprintf(json, sizeof(json),
		 "{\"scope\":%u,\"kind\":\"host\",\"argv\":[\"%s\",\"-p\",\"build part %u\"],"
		 "\"cwd\":\"/proj\",\"uid\":1000,\"user\":\"u\",\"owner\":\"daemon\"}",
		 a->scope, program, a->number);
	give(a, ev_json(&ev, SONDE_EV_SCOPE, a->pid, json));
	ev_exec(&ev, a->pid, program, "/proj", (struct slice){ argv, n - 1 });
	ev.exec.parent_tgid = 1;
	ev.exec.parent_start_ns = 1;
	give(a, &ev.hdr);
}

static void start(struct day_agent *a, uint32_t scope_, unsigned number)
{
	a->busy = true;
	a->scope = scope_;
	a->number = number;
	a->pid = 10000 + number % 10000 * 2; /* pids repeat */
	a->start_ns = a->due_ns = day_now();
	a->step = BEGINS;
}

/* A task: its first words, and how many calls it takes. */
static void begin_task(struct day_agent *a)
{
	a->calls_left = 2 + (unsigned)day_chance(3);
	a->said = 0;
	remember(a, "{\"role\":\"user\",\"content\":\"Please build part %u for me.\"}", a->number);
	a->conn = new_conn();
	a->pos[0] = a->pos[1] = 0;
	open_conn(a, a->conn, SONDE_CONN_CLIENT, 2);
}

static void end_task(struct day_agent *a)
{
	if (!close_is_lost(a))
		close_conn(a, a->conn);
}

static void end(struct day_agent *a)
{
	if (!is_killed(a))
		end_task(a);
	if (!exit_is_lost(a))
		give(a, ev_exit(&ev, a->pid, 0, is_killed(a) ? 9 : 0));
	a->busy = false;
}

/* Returns what comes next. */
static enum step take_step(struct day_agent *a)
{
	switch ((enum step)a->step) {
	case BEGINS:
		begin_task(a);
		if (has_tool_server(a))
			talk(a);
		return ASKS;
	case ASKS:
		ask(a);
		return IS_ANSWERED;
	case IS_ANSWERED:
		answer_begins(a);
		return is_killed(a) ? ENDS : IS_DONE;
	case IS_DONE:
		answer_ends(a, a->calls_left > 1);
		return a->calls_left > 1 ? RUNS_COMMAND : ENDS;
	case RUNS_COMMAND:
		command(a);
		remember_turn(a);
		a->calls_left--;
		return ASKS;
	case ENDS:
		break;
	}
	return ENDS;
}

void day_agent_start(struct day_agent *a, unsigned number)
{
	start(a, number, number); /* a scope is never used again */
	scope(a, number % 3 ? "/usr/bin/claude" : "/usr/bin/some-agent");
}

void day_agent_go_on(struct day_agent *a)
{
	if (day_now() < a->due_ns)
		return;
	if (a->step == ENDS)
		end(a);
	else
		a->step = take_step(a);
	a->due_ns = day_now() + day_chance(ANSWER_NS);
}

void day_server_start(struct day_agent *a)
{
	static const char argv[] = "claude"; /* without a task: it takes turns */

	start(a, SERVER, SERVER);
	give(a, ev_json(&ev, SONDE_EV_SCOPE, a->pid,
			"{\"scope\":10000000,\"kind\":\"host\",\"argv\":[\"claude\"],\"cwd\":\"/"
			"proj\","
			"\"uid\":1000,\"user\":\"u\",\"owner\":\"daemon\"}"));
	ev_exec(&ev, a->pid, "/usr/bin/claude", "/proj", SLICE(argv));
	ev.exec.parent_tgid = 1;
	ev.exec.parent_start_ns = 1;
	give(a, &ev.hdr);
}

void day_server_go_on(struct day_agent *a)
{
	if (day_now() < a->due_ns)
		return;
	if (a->step == ENDS) {
		end_task(a);
		a->number++;
		a->turns++;
		a->step = BEGINS;
	} else {
		a->step = take_step(a);
	}
	a->due_ns = day_now() + day_chance(ANSWER_NS);
}
