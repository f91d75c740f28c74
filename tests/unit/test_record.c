/* SPDX-License-Identifier: BSD-2-Clause */
/* event.c and record.c: what is well formed, and that a file gives back what was put in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "events.h"
#include "intake/intake.h"

static union test_event ev;
static char path[64];

static const struct record_header_info info = { .sonde_version = "1.2.3", .price_digest = "abcd" };

static int in_fresh_folder(void **state)
{
	char *dir = strdup("/tmp/sonde-record-XXXXXX");

	if (!dir || !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/r.rec", dir);
	*state = dir;
	return 0;
}

static int folder_away(void **state)
{
	unlink(path);
	rmdir(*state);
	free(*state);
	return 0;
}

/* --- event_valid() --- */

static void events_of_every_kind_are_well_formed(void **state)
{
	static const size_t plain[][2] = {
		{ SONDE_EV_CLOCK, sizeof(struct sonde_clock_event) },
		{ SONDE_EV_TICK, sizeof(struct sonde_event) },
		{ SONDE_EV_END, sizeof(struct sonde_event) },
		{ SONDE_EV_CONN_LINK, sizeof(struct sonde_link_event) },
		{ SONDE_EV_CONNECT, sizeof(struct sonde_connect_event) },
		{ SONDE_EV_LEFT, sizeof(struct sonde_left_event) },
		{ SONDE_EV_TLS_HELLO, sizeof(struct sonde_hello_event) },
		{ SONDE_EV_LOSS, sizeof(struct sonde_loss_event) },
		{ SONDE_EV_VERDICT, sizeof(struct sonde_verdict_event) },
		{ SONDE_EV_PROBER_LOST, sizeof(struct sonde_event) },
		{ SONDE_EV_CONN_CLOSE, sizeof(struct sonde_conn_event) },
	};
	static const unsigned json[] = { SONDE_EV_HOST, SONDE_EV_CONFIG, SONDE_EV_SCOPE,
					 SONDE_EV_PROC, SONDE_EV_ATTACH };
	const struct sonde_event *e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		e = ev_begin(&ev, (uint16_t)plain[i][0], 1, plain[i][1]);
		assert_true(event_valid(e, e->size));
		assert_false(event_valid(e, e->size - 1)); /* not all of it is there */
		ev.hdr.size--;				   /* too small for its kind */
		assert_false(event_valid(e, 4096));
	}
	for (size_t i = 0; i < ARRAY_SIZE(json); i++) {
		e = ev_json(&ev, (uint16_t)json[i], 1, "{}");
		assert_true(event_valid(e, e->size));
		ev.json.json[1] = '\0';
		assert_false(event_valid(e, e->size));
		e = ev_json(&ev, (uint16_t)json[i], 1, "");
		assert_false(event_valid(e, e->size));
	}
	e = ev_fork(&ev, 1, 2);
	assert_true(event_valid(e, e->size));
	e = ev_exec(&ev, 1, "/bin/ls", "/", SLICE("ls"));
	assert_true(event_valid(e, e->size));
	e = ev_exit(&ev, 1, 0, 0);
	assert_true(event_valid(e, e->size));
	e = ev_conn(&ev, SONDE_EV_CONN_OPEN, 1, 5, 2, 443);
	assert_true(event_valid(e, e->size));
	e = ev_data(&ev, 1, 5, SONDE_DIR_OUT, 0, SLICE("abc"));
	assert_true(event_valid(e, e->size));
	e = ev_gap(&ev, 1, 5, SONDE_DIR_OUT, 0, 100, SONDE_GAP_LOST);
	assert_true(event_valid(e, e->size));
	e = ev_plain(&ev, 999, 1); /* a kind of the future */
	assert_true(event_valid(e, e->size));
	e = ev_plain(&ev, 0, 1);
	assert_false(event_valid(e, e->size));
}

static struct sonde_event *a_data(void)
{
	return ev_data(&ev, 1, 5, SONDE_DIR_OUT, 7, SLICE("abc"));
}

static struct sonde_event *an_exec(void)
{
	return ev_exec(&ev, 1, "/bin/ls", "/tmp", SLICE("ls\0-l"));
}

static struct sonde_event *a_gap(void)
{
	return ev_gap(&ev, 1, 5, SONDE_DIR_OUT, 7, 100, SONDE_GAP_LOST);
}

/* Each row: a sound event, and one field of it set wrong. */
static void events_that_contradict_themselves_are_not(void **state)
{
	static const struct {
		struct sonde_event *(*make)(void);
		size_t at, size; /* the field */
		uint64_t value;
	} cases[] = {
#define FIELD(type, f) offsetof(struct type, f), sizeof(((struct type *)0)->f)
		{ a_data, FIELD(sonde_event, size), 16 },
		{ a_data, FIELD(sonde_event, size), SONDE_EVENT_MAX + 1 },
		{ a_data, FIELD(sonde_data_event, len), 4 },
		{ a_data, FIELD(sonde_data_event, len), UINT32_MAX },
		{ a_data, FIELD(sonde_data_event, dir), 2 },
		{ a_data, FIELD(sonde_data_event, source), 0 },
		{ a_data, FIELD(sonde_data_event, pos), UINT64_MAX },
		{ a_data, FIELD(sonde_data_event, flags), SONDE_DATA_EOF },
		{ a_gap, FIELD(sonde_gap_event, dir), 2 },
		{ a_gap, FIELD(sonde_gap_event, reason), 0 },
		{ a_gap, FIELD(sonde_gap_event, len), UINT64_MAX },
		{ an_exec, FIELD(sonde_exec_event, path_len), 7 }, /* ends without its NUL */
		{ an_exec, FIELD(sonde_exec_event, path_len), 9 },
		{ an_exec, FIELD(sonde_exec_event, path_len), 0xffff },
		{ an_exec, FIELD(sonde_exec_event, cwd_len), 4 },
		{ an_exec, FIELD(sonde_exec_event, argv_len), 7 },
		{ an_exec, FIELD(sonde_exec_event, argv_len), 5 },
		{ an_exec, FIELD(sonde_exec_event, text[0]), 0 }, /* a NUL inside the path */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct sonde_event *e = cases[i].make();
		size_t n = e->size;

		assert_true(event_valid(e, n));
		memcpy(ev.bytes + cases[i].at, &cases[i].value, cases[i].size);
		if (event_valid(e, n))
			fail_msg("case %zu is taken for sound", i);
	}
	an_exec();
	memset(ev.exec.comm, 'x', sizeof(ev.exec.comm));
	assert_false(event_valid(&ev.hdr, ev.hdr.size));
}

/* --- files --- */

struct got {
	size_t events, bytes;
	uint64_t sum;
	uint16_t last;
};

static void take(void *ctx, const struct sonde_event *e)
{
	struct got *g = ctx;
	const unsigned char *p = (const void *)e;

	assert_true(((uintptr_t)e & 7) == 0);
	for (size_t i = 0; i < e->size; i++)
		g->sum = g->sum * 31 + p[i];
	g->events++;
	g->bytes += e->size;
	g->last = e->kind;
}

/* A recording of @n DATA events of growing size, with what should come out of it. */
static struct got record(size_t n)
{
	static char bytes[SONDE_CHUNK_MAX];
	struct recorder *r;
	struct got want = { 0 };

	assert_int_equal(recorder_new(path, &info, &r), 0);
	for (size_t i = 0; i < n; i++) {
		memset(bytes, 'a' + (int)(i % 26), sizeof(bytes));
		ev_data(&ev, 1, 5, SONDE_DIR_OUT, i, (struct slice){ bytes, i * 37 % 16385 });
		assert_int_equal(recorder_add(r, &ev.hdr), 0);
		take(&want, &ev.hdr);
	}
	ev_plain(&ev, SONDE_EV_END, 9);
	assert_int_equal(recorder_add(r, &ev.hdr), 0);
	take(&want, &ev.hdr);
	assert_int_equal(recorder_close(r), 0);
	return want;
}

static void a_file_gives_back_what_was_recorded(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct got want = record(sizes[i]), got = { 0 };
		struct record_header_info h;
		struct stat st;
		uint64_t offset = 0;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(replay_file(path, take, &got, &h, &offset), 0);
		assert_memory_equal(&got, &want, sizeof(got));
		assert_string_equal(h.sonde_version, "1.2.3");
		assert_string_equal(h.price_digest, "abcd");
		assert_int_equal(offset, st.st_size);
	}
}

static void the_configuration_is_in_the_header(void **state)
{
	struct record_header_info h, again;
	struct got got = { 0 };
	struct recorder *r;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(recorder_new(path, &info, &r), 0);
		recorder_add(r, ev_json(&ev, SONDE_EV_CONFIG, 0, "{\"content\":\"full\"}"));
		recorder_add(r, ev_plain(&ev, SONDE_EV_END, 9));
		assert_int_equal(recorder_close(r), 0);
		assert_int_equal(replay_file(path, take, &got, i ? &again : &h, NULL), 0);
	}
	assert_int_equal(strlen(h.config_digest), 32);
	assert_string_equal(h.config_digest, again.config_digest);
}

/* Whatever its end: all that was whole before is fed, and the file is said to be cut. */
static void a_cut_file_is_fed_up_to_the_cut(void **state)
{
	struct got want = record(3);
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	for (off_t size = st.st_size - 1; size >= 0; size--) {
		struct got got = { 0 };
		uint64_t offset = 0;
		int r;

		assert_int_equal(truncate(path, size), 0);
		r = replay_file(path, take, &got, NULL, &offset);
		assert_int_equal(r, size < 200 ? -EBADMSG : -ENODATA);
		assert_true(offset <= (uint64_t)size);
		assert_true(got.events < want.events);
		if (size >= 200) /* what was not fed is less than one event */
			assert_true((uint64_t)size - offset < 64 + 2 * 37 + 8);
	}
}

static void poke(off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void other_files_are_refused(void **state)
{
	static const struct {
		off_t at;
		uint32_t value;
		int want;
	} cases[] = {
		{ 0, 0x41414141, -EBADMSG }, /* magic */
		{ 8, 16, -EBADMSG },	     /* header size */
		{ 12, 2, -ENOTSUP },	     /* format */
		{ 12, 0, -EBADMSG },
		{ 16, 2, -ENOTSUP },	   /* event version */
		{ 200 + 24, 3, -EBADMSG }, /* size of the first event */
		{ 200 + 24, 1 << 30, -EBADMSG },
		{ 200 + 24, 48, -EBADMSG }, /* too small for its kind */
	};
	struct got got = { 0 };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unlink(path);
		record(2);
		poke(cases[i].at, &cases[i].value, sizeof(cases[i].value));
		assert_int_equal(replay_file(path, take, &got, NULL, NULL), cases[i].want);
	}
	record(2);
	assert_int_equal(stat(path, &st), 0);
	poke(st.st_size, "more", 4);
	assert_int_equal(replay_file(path, take, &got, NULL, NULL), -EBADMSG);
	assert_int_equal(replay_file("/nonexistent/x", take, &got, NULL, NULL), -ENOENT);
	assert_int_equal(replay_file("/tmp", take, &got, NULL, NULL), -EISDIR);
	unlink(path);
}

static void only_recordings_are_overwritten(void **state)
{
	struct got got = { 0 };
	struct recorder *r;
	int fd;

	(void)state;
	record(5);
	chmod(path, 0666);
	record(1); /* a recording: replaced whole, and private again */
	assert_int_equal(replay_file(path, take, &got, NULL, NULL), 0);
	assert_int_equal(got.events, 2);

	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(write(fd, "my thesis", 9) == 9);
	close(fd);
	assert_int_equal(recorder_new(path, &info, &r), -EEXIST);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(recorder_new(path, &info, &r), 0);
	recorder_close(r);
	assert_int_equal(recorder_new("/dev/null", &info, &r), -EEXIST);
	assert_int_equal(recorder_new("/nonexistent/x", &info, &r), -ENOENT);
	assert_int_equal(recorder_new("/tmp", &info, &r), -EISDIR);
	unlink(path);
}

/* A file that cannot grow stands for a full disk. */
static void a_write_that_fails_ends_the_recording_and_is_told(void **state)
{
	struct rlimit before, small = { .rlim_cur = 4096 };
	struct recorder *r;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(recorder_new(path, &info, &r), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 200; i++) {
		static char bytes[SONDE_CHUNK_MAX];

		recorder_add(r, ev_data(&ev, 1, 5, 0, 0, (struct slice){ bytes, sizeof(bytes) }));
	}
	assert_int_equal(recorder_error(r), -EFBIG);
	assert_int_equal(recorder_add(r, &ev.hdr), -EFBIG);
	assert_int_equal(recorder_close(r), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
}

static void a_tick_brings_the_recording_to_the_disk(void **state)
{
	struct recorder *r;
	struct got got = { 0 };

	(void)state;
	assert_int_equal(recorder_new(path, &info, &r), 0);
	recorder_add(r, ev_fork(&ev, 1, 2));
	recorder_add(r, ev_plain(&ev, SONDE_EV_TICK, 5000000000));
	assert_int_equal(replay_file(path, take, &got, NULL, NULL), -ENODATA);
	assert_int_equal(got.events, 2);
	recorder_close(r);
}

static void refused_memory_is_told(void **state)
{
	struct got got = { 0 };
	struct recorder *r;

	(void)state;
	record(1);
	for (long n = 1;; n++) {
		int a, b;

		alloc_refuse(n);
		a = replay_file(path, take, &got, NULL, NULL);
		b = recorder_new(path, &info, &r);
		if (b == 0) {
			recorder_add(r, ev_plain(&ev, SONDE_EV_END, 1));
			recorder_close(r);
		}
		if (!alloc_allow())
			break;
		assert_true(a == -ENOMEM || b == -ENOMEM);
		assert_true(n < 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_every_kind_are_well_formed),
		cmocka_unit_test(events_that_contradict_themselves_are_not),
		cmocka_unit_test(a_file_gives_back_what_was_recorded),
		cmocka_unit_test(the_configuration_is_in_the_header),
		cmocka_unit_test(a_cut_file_is_fed_up_to_the_cut),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(only_recordings_are_overwritten),
		cmocka_unit_test(a_write_that_fails_ends_the_recording_and_is_told),
		cmocka_unit_test(a_tick_brings_the_recording_to_the_disk),
		cmocka_unit_test(refused_memory_is_told),
	};

	return cmocka_run_group_tests_name("record", tests, in_fresh_folder, folder_away);
}
