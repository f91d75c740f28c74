/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of files, and whose doing it was. */
#include "trace/observed/file.h"
#include "trace_world.h"

static void op(__u32 pid, __u32 what, const char *path, const char *path2)
{
	feed(&w, ev_file(&w.ev, pid, what, path, path2));
}

static void writes(__u32 pid, const char *path, __u64 bytes, __u16 flags)
{
	ev_file(&w.ev, pid, SONDE_FILE_WRITTEN, path, NULL);
	w.ev.file.bytes = w.ev.file.size = bytes;
	w.ev.file.flags = flags;
	w.ev.file.dev = 8;
	w.ev.file.ino = 40 + strlen(path);
	feed(&w, &w.ev.hdr);
}

static void model_asks(const char *name, const char *args)
{
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", name, args);
	talk_end(&w, 1);
}

static void model_hears(void)
{
	talk_ask(&w, 1, ROOT, "[" USER "," ASKS(TOOL("c1", "x")) "," GIVES("c1", "B") "]");
	talk_end(&w, 1);
}

/* --- whose they are --- */

static void what_a_tools_programs_write_is_the_tools(void **state)
{
	const struct seen_span *s;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("bash", "{\"command\":\"make all\"}");
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make all");
	world_fork(&w, 101, 102);
	EXEC(&w, 102, "/usr/bin/cc", "cc");
	at(&w, 12);
	writes(102, "/proj/a.o", 10, SONDE_FILE_CREATED);
	at(&w, 13);
	writes(101, "/proj/a.o", 30, 0);
	op(101, SONDE_FILE_REMOVED, "/proj/old", NULL);
	at(&w, 20);
	model_hears();
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool bash [10-20] by tool-call-id\n"
			"    sh [10-] by argv open\n"
			"      cc [10-] by process open\n"
			"    /proj/a.o [12-13] by process\n"
			"    /proj/old [13-13] by process\n"
			"  chat m [20-20] by process\n");
	s = span_named(&w, "/proj/a.o", 0);
	assert_true(has_attr(s, "sonde.file.operation=[\"written\"]"));
	assert_true(has_attr(s, "sonde.file.bytes_written=40"));
	assert_true(has_attr(s, "file.size=30"));
	assert_true(has_attr(s, "sonde.file.created=1"));
	assert_true(has_attr(s, "sonde.file.writes=2"));
	s = span_named(&w, "execute_tool bash", 0);
	assert_true(has_attr(s, "sonde.files.written=1"));
	assert_true(has_attr(s, "sonde.files.removed=1"));
}

static void what_a_call_names_is_its_work_though_the_agent_writes_it(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "Write", "{\"file_path\":\"/proj/a/b.c\",\"content\":\"/x\"}");
	talk_call_tool(&w, 1, "c2", "Edit", "{\"file_path\":\"/proj/c.c\"}");
	talk_end(&w, 1);
	op(ROOT, SONDE_FILE_MADE_FOLDER, "/proj/a", NULL);
	writes(ROOT, "/proj/a/b.c", 1, 0);
	writes(ROOT, "/proj/c.c", 1, 0);
	writes(ROOT, "/x", 1, 0);
	at(&w, 200);
	tick(&w);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Write [10-] by answer open\n"
			"    /proj/a [10-] by arguments open\n"
			"    /proj/a/b.c [10-] by arguments open\n"
			"  execute_tool Edit [10-] by answer open\n"
			"    /proj/c.c [10-] by arguments open\n"
			"  /x [10-] by process open\n");
}

static void a_file_that_two_calls_name_is_neithers(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "Edit", "{\"file_path\":\"/proj/c.c\",\"n\":1}");
	talk_call_tool(&w, 1, "c2", "Edit", "{\"file_path\":\"/proj/c.c\",\"n\":2}");
	talk_end(&w, 1);
	writes(ROOT, "/proj/c.c", 1, 0);
	at(&w, 200);
	tick(&w);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Edit [10-] by answer open\n"
			"  execute_tool Edit [10-] by answer open\n"
			"  /proj/c.c [10-] by process open\n");
}

static void files_go_along_when_their_program_finds_its_tool(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "bash", "{\"command\":\"make all\"}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	at(&w, 20); /* the call's last part may still grow: it is not known yet */
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make all");
	writes(101, "/proj/a.o", 10, 0);
	at(&w, 130);
	tick(&w);
	assert_non_null(strstr(span_named(&w, "/proj/a.o", 0)->text, "open"));
	assert_true(id64_eq(&span_named(&w, "/proj/a.o", 0)->parent, &span_named(&w, "sh", 0)->id));
	talk_end(&w, 1);
	at(&w, 1300);
	tick(&w);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-130] by process\n"
			"  execute_tool bash [20-] by answer open\n"
			"    sh [20-] by argv open\n"
			"    /proj/a.o [20-] by process open\n");
}

/* The client writes as soon as it has the call; that it is whole shows only later. */
static void files_go_along_when_the_call_that_names_them_is_known(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	talk_ask(&w, 1, ROOT, "[" USER "]");
	at(&w, 10);
	talk_call_tool(&w, 1, "c1", "Write", "{\"file_path\":\"/proj/b.c\"}");
	w.talks[1].call.answer.last_part->end_ns = w.now;
	writes(ROOT, "/proj/b.c", 5, 0);
	writes(ROOT, "/proj/c.c", 5, 0);
	at(&w, 20);
	talk_end(&w, 1);
	at(&w, 200);
	tick(&w);
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-20] by process\n"
			"  execute_tool Write [10-] by answer open\n"
			"    /proj/b.c [10-] by arguments open\n"
			"  /proj/c.c [10-] by process open\n");
}

/* --- one file, one step --- */

static void what_is_written_beside_and_renamed_is_one_file(void **state)
{
	const struct seen_span *s;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("Write", "{\"file_path\":\"/proj/b.c\"}");
	for (int i = 0; i < 2; i++) {
		writes(ROOT, "/proj/b.c.tmp.77", 5, SONDE_FILE_CREATED);
		op(ROOT, SONDE_FILE_RENAMED, "/proj/b.c.tmp.77", "/proj/b.c");
	}
	at(&w, 20);
	model_hears();
	assert_tree(&w, "invoke_agent agent [0-] open\n"
			"  chat m [0-10] by process\n"
			"  execute_tool Write [10-20] by tool-call-id\n"
			"    /proj/b.c [10-10] by arguments\n"
			"  chat m [20-20] by process\n");
	s = span_named(&w, "/proj/b.c", 0);
	assert_true(has_attr(s, "sonde.file.operation=[\"written\",\"renamed\"]"));
	assert_true(has_attr(s, "sonde.file.from=/proj/b.c.tmp.77"));
	assert_true(has_attr(s, "sonde.file.bytes_written=10"));
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.files.written=1"));
}

static void what_comes_and_goes_is_temporary(void **state)
{
	const struct seen_span *s;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	model_asks("bash", "{\"command\":\"make all\"}");
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make all");
	writes(101, "/tmp/x", 5, SONDE_FILE_CREATED);
	op(101, SONDE_FILE_REMOVED, "/tmp/x", NULL);
	at(&w, 20);
	model_hears();
	s = span_named(&w, "/tmp/x", 0);
	assert_true(has_attr(s, "sonde.file.temporary=1"));
	assert_int_equal(s->finals, 1);
	assert_null(strstr(span_named(&w, "execute_tool", 0)->attrs, "sonde.files"));
}

static void a_refused_write_is_an_error(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	ev_file(&w.ev, ROOT, SONDE_FILE_REFUSED, "/etc/passwd", NULL);
	w.ev.file.result = -13;
	feed(&w, &w.ev.hdr);
	at(&w, 100);
	tick(&w);
	assert_non_null(strstr(span_named(&w, "/etc/passwd", 0)->text, "ERROR EACCES"));
}

static void what_an_agent_keeps_for_itself_is_marked(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/claude", NULL);
	model_asks("Bash", "{\"command\":\"make all\"}");
	world_fork(&w, ROOT, 101);
	EXEC(&w, 101, "/bin/sh", "sh\0-c\0make all");
	writes(ROOT, "/home/u/.claude/history.jsonl", 5, 0);
	writes(101, "/tmp/claude-12-cwd", 5, 0);
	writes(101, "/home/u/.claude/settings.json", 5, 0);
	writes(101, "/home/u/.claude/inherited", 0, 0);
	op(ROOT, SONDE_FILE_MADE_FOLDER, "/home/u/.claude", NULL);
	at(&w, 20);
	model_hears();
	trace_end(w.trace, w.now);
	assert_true(has_attr(span_named(&w, "/home/u/.claude/h", 0), "sonde.file.own=1"));
	assert_true(has_attr(span_named(&w, "/tmp/claude-", 0), "sonde.file.own=1"));
	assert_true(has_attr(span_named(&w, "/home/u/.claude/i", 0), "sonde.file.own=1"));
	assert_true(has_attr(span_named(&w, "/home/u/.claude ", 0), "sonde.file.own=1"));
	assert_false(has_attr(span_named(&w, "/home/u/.claude/s", 0), "sonde.file.own=1"));
	assert_true(has_attr(span_named(&w, "execute_tool", 0), "sonde.files.written=1"));
}

static void many_files_are_counted(void **state)
{
	char path[32], line[64];

	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"off\"}"); /* spans are not looked at */
	for (int i = 0; i < RUN_FILES_MAX + 10; i++) {
		snprintf(path, sizeof(path), "/proj/%d", i);
		writes(ROOT, path, 1, 0);
	}
	at(&w, 100);
	tick(&w);
	world_json(&w, SONDE_EV_CONFIG, 0, "{\"content\":\"full\"}");
	world_exit(&w, ROOT, 0, 0);
	snprintf(line, sizeof(line), "sonde.run.steps_not_kept=%d", 10);
	assert_true(has_attr(span_named(&w, "invoke_agent", 0), line));
}

/* --- what stands in them --- */

static void artifact(__u8 state, const char *path, __u32 offset, struct slice bytes, __u64 size)
{
	ev_artifact(&w.ev, ROOT, state, path, offset, bytes);
	w.ev.artifact.size = size;
	w.ev.artifact.dev = 8;
	w.ev.artifact.ino = 40 + strlen(path);
	w.ev.artifact.sha256[0] = 0xab;
	feed(&w, &w.ev.hdr);
}

static void content_is_put_together_and_redacted(void **state)
{
	const struct seen_span *s;

	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	writes(ROOT, "/proj/a", 18, 0);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a", 0, SLICE("key = sk-SEC"), 18);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a", 12, SLICE("RET 1\n"), 18);
	at(&w, 100);
	tick(&w);
	s = span_named(&w, "/proj/a", 0);
	assert_true(has_attr(s, "sonde.artifact.state=whole"));
	assert_string_equal(attr_of(s, "sonde.artifact.sha256=ab00"),
			    "sonde.artifact.sha256=ab000000000000000000000000000000"
			    "00000000000000000000000000000000");
	assert_true(blobs_have(&w, "key = [redacted:x] 1\n"));
	assert_false(id128_is_zero(&s->result_blob));
}

/* Only what is closed tells its number; a name is not needed then. */
static void files_are_known_by_their_number(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	writes(ROOT, "/proj/a.tmp", 5, SONDE_FILE_CREATED);
	op(ROOT, SONDE_FILE_RENAMED, "/proj/a.tmp", "/proj/a");
	ev_file(&w.ev, ROOT, SONDE_FILE_WRITTEN, "/proj/a.tmp", NULL);
	w.ev.file.dev = 8;
	w.ev.file.ino = 40 + strlen("/proj/a.tmp");
	w.ev.file.bytes = 3;
	w.ev.file.path_len = 0;
	feed(&w, &w.ev.hdr);
	w.ev.file.ino = 1; /* nobody's */
	feed(&w, &w.ev.hdr);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a.tmp", 0, SLICE("x"), 1);
	at(&w, 100);
	tick(&w);
	assert_int_equal(w.n_spans, 2);
	assert_true(has_attr(span_named(&w, "/proj/a", 0), "sonde.file.bytes_written=8"));
	assert_true(has_attr(span_named(&w, "/proj/a", 0), "sonde.artifact.state=whole"));
}

static void content_with_a_hole_is_not_kept(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	writes(ROOT, "/proj/a", 18, 0);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a", 0, SLICE("hole one"), 18);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a", 12, SLICE("hole two"), 20);
	at(&w, 100);
	tick(&w);
	assert_true(has_attr(span_named(&w, "/proj/a", 0), "sonde.artifact.state=unread"));
	assert_false(blobs_have(&w, "hole"));
}

static void content_that_is_no_text_is_a_hash(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	writes(ROOT, "/proj/a", 4, 0);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a", 0,
		 SLICE("\x7f"
		       "EL\xff"),
		 4);
	writes(ROOT, "/proj/bb", 4, 0);
	artifact(SONDE_ARTIFACT_BIG, "/proj/bb", 0, (struct slice){ 0 }, 4u << 20);
	artifact(SONDE_ARTIFACT_WHOLE, "/etc/nobody-wrote-it", 0, SLICE("x"), 1);
	at(&w, 100);
	tick(&w);
	assert_true(has_attr(span_named(&w, "/proj/a", 0), "sonde.artifact.state=binary"));
	assert_true(id128_is_zero(&span_named(&w, "/proj/a", 0)->result_blob));
	assert_true(has_attr(span_named(&w, "/proj/bb", 0), "sonde.artifact.state=big"));
}

static void what_is_written_again_has_no_content_yet(void **state)
{
	(void)state;
	world_scope(&w, "/usr/bin/agent", NULL);
	writes(ROOT, "/proj/a", 1, 0);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/a", 0, SLICE("1"), 1);
	writes(ROOT, "/proj/a", 2, 0);
	at(&w, 100);
	tick(&w);
	assert_null(strstr(span_named(&w, "/proj/a", 0)->attrs, "artifact"));
}

static void levels_without_text_keep_no_path(void **state)
{
	const struct seen_span *s;

	(void)state;
	world_scope(&w, "/usr/bin/agent", "{\"content\":\"minimal\"}");
	writes(ROOT, "/proj/secret-plan", 1, 0);
	artifact(SONDE_ARTIFACT_WHOLE, "/proj/secret-plan", 0, SLICE("plan"), 4);
	at(&w, 100);
	tick(&w);
	s = span_named(&w, "file", 0);
	assert_null(strstr(s->attrs, "plan"));
	assert_false(blobs_have(&w, "plan"));
}

static void refused_memory_is_survived(void **state)
{
	bool more = true;

	(void)state;
	for (long n = 1; more; n++) {
		world_end(&w);
		assert_int_equal(world_begin(&w), 0);
		world_scope(&w, "/usr/bin/agent", NULL);
		model_asks("Write", "{\"file_path\":\"/proj/b.c\"}");
		alloc_refuse(n);
		writes(ROOT, "/proj/b.c.tmp.77", 5, SONDE_FILE_CREATED);
		op(ROOT, SONDE_FILE_RENAMED, "/proj/b.c.tmp.77", "/proj/b.c");
		artifact(SONDE_ARTIFACT_WHOLE, "/proj/b.c", 0, SLICE("x"), 1);
		at(&w, 100);
		tick(&w);
		more = alloc_allow();
		trace_end(w.trace, w.now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_tools_programs_write_is_the_tools),
		TEST(what_a_call_names_is_its_work_though_the_agent_writes_it),
		TEST(a_file_that_two_calls_name_is_neithers),
		TEST(files_go_along_when_their_program_finds_its_tool),
		TEST(files_go_along_when_the_call_that_names_them_is_known),
		TEST(what_is_written_beside_and_renamed_is_one_file),
		TEST(what_comes_and_goes_is_temporary),
		TEST(a_refused_write_is_an_error),
		TEST(what_an_agent_keeps_for_itself_is_marked),
		TEST(many_files_are_counted),
		TEST(content_is_put_together_and_redacted),
		TEST(files_are_known_by_their_number),
		TEST(content_with_a_hole_is_not_kept),
		TEST(content_that_is_no_text_is_a_hash),
		TEST(what_is_written_again_has_no_content_yet),
		TEST(levels_without_text_keep_no_path),
		TEST(refused_memory_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
