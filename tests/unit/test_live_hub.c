/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/live_hub.h"

struct hub {
	char dir[64], db[128], socket[160];
	struct live_hub *hub;
};

static int begin(void **state)
{
	static struct hub h;

	snprintf(h.dir, sizeof(h.dir), "/tmp/sonde-hub-XXXXXX");
	if (!mkdtemp(h.dir))
		return -1;
	snprintf(h.db, sizeof(h.db), "%s/sonde.db", h.dir);
	snprintf(h.socket, sizeof(h.socket), "%s/live/%d.sock", h.dir, (int)getpid());
	*state = &h;
	return live_hub_open(h.db, &h.hub);
}

static int end(void **state)
{
	struct hub *h = *state;
	char live[128];

	live_hub_close(h->hub);
	snprintf(live, sizeof(live), "%s/live", h->dir);
	rmdir(live);
	return rmdir(h->dir); /* nothing was left in it */
}

static int watch(const struct hub *h, const char *ask)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", h->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(write(fd, ask, strlen(ask)), strlen(ask));
	return fd;
}

/* Runs with the numbers from @first on as their start. */
static void tell(struct hub *h, uint64_t first, unsigned n)
{
	struct run run = { .status = RUN_RUNNING };

	for (unsigned i = 0; i < n; i++) {
		run.start_ns = first + i;
		live_hub_sink.run(h->hub, &run);
	}
}

/* The next whole line, while the hub serves. */
static cJSON *line(struct hub *h, int fd)
{
	char text[4096];
	size_t n = 0;

	for (int turn = 0; turn < 1000 && n < sizeof(text);) {
		ssize_t got = recv(fd, text + n, 1, MSG_DONTWAIT);

		if (got == 0)
			return NULL;
		if (got < 0) {
			live_hub_serve(h->hub);
			turn++;
		} else if (text[n++] == '\n') {
			return json_parse((struct slice){ text, n });
		}
	}
	return NULL;
}

static void assert_line(struct hub *h, int fd, const char *type, int64_t n)
{
	_cleanup_(cJSON_Deletep) cJSON *j = line(h, fd);

	assert_non_null(j);
	assert_string_equal(json_str(j, "type").p, type);
	assert_int_equal(json_int(j, "n"), n);
}

static void a_watcher_gets_what_there_is_and_what_comes(void **state)
{
	struct hub *h = *state;
	_cleanup_(closep) int fd = -1;

	tell(h, 1, 2);
	fd = watch(h, "{\"after\":1}\n");
	assert_line(h, fd, "hello", 2);
	assert_line(h, fd, "run", 2);
	tell(h, 3, 1);
	assert_line(h, fd, "run", 3);
}

static void who_comes_too_late_is_told_what_it_has_missed(void **state)
{
	struct hub *h = *state;
	_cleanup_(closep) int fd = -1;
	cJSON *missed;

	tell(h, 1, 5000);
	fd = watch(h, "{\"after\":100}\n");
	assert_line(h, fd, "hello", 5000);
	missed = line(h, fd);
	assert_string_equal(json_str(missed, "type").p, "missed");
	assert_int_equal(json_int(missed, "from"), 101);
	assert_true(json_int(missed, "to") < 5000);
	assert_line(h, fd, "run", json_int(missed, "to") + 1);
	cJSON_Delete(missed);
}

static void what_is_kept_is_bounded_in_bytes(void **state)
{
	static char task[512 << 10];
	struct hub *h = *state;
	struct run run = { .status = RUN_RUNNING };
	_cleanup_(closep) int fd = -1;
	cJSON *missed;

	memset(task, 'x', sizeof(task));
	run.task = (struct slice){ task, sizeof(task) };
	for (int i = 0; i < 20; i++)
		live_hub_sink.run(h->hub, &run);
	fd = watch(h, "{\"after\":0}\n");
	assert_line(h, fd, "hello", 20);
	missed = line(h, fd);
	assert_string_equal(json_str(missed, "type").p, "missed");
	assert_true(json_int(missed, "to") >= 12);
	cJSON_Delete(missed);
}

static void a_watcher_that_says_nonsense_is_sent_away(void **state)
{
	char nonsense[LIVE_ASK_MAX + 2];
	struct hub *h = *state;
	_cleanup_(closep) int fd = -1;

	memset(nonsense, '{', sizeof(nonsense) - 1);
	nonsense[sizeof(nonsense) - 1] = '\0';
	tell(h, 1, 1);
	fd = watch(h, nonsense);
	assert_null(line(h, fd));
}

static void a_number_of_the_future_means_all_there_is(void **state)
{
	struct hub *h = *state;
	_cleanup_(closep) int fd = -1;

	tell(h, 1, 1);
	fd = watch(h, "{\"after\":99}\n"); /* of an earlier capture with this process number */
	assert_line(h, fd, "hello", 1);
	assert_line(h, fd, "run", 1);
}

/* Who hands lines on must know whose they are. */
static void each_line_says_whose_it_is(void **state)
{
	struct hub *h = *state;
	struct run run = { .status = RUN_RUNNING, .uid = 1234, .run_id = { .b = { 1 } } };
	struct live_piece piece = { .run_id = { .b = { 1 } }, .kind = LIVE_TEXT };
	struct live_change change = { .run_id = { .b = { 1 } }, .state = LIVE_IDLE };
	struct span span = { .run_id = { .b = { 1 } } };
	_cleanup_(closep) int fd = -1;

	live_hub_sink.run(h->hub, &run);
	live_hub_sink.live_piece(h->hub, &piece);
	live_hub_sink.live_change(h->hub, &change);
	live_hub_sink.span(h->hub, &span);
	piece.run_id.b[0] = 2; /* a run that was never told of */
	live_hub_sink.live_piece(h->hub, &piece);
	fd = watch(h, "{\"after\":0}\n");
	assert_line(h, fd, "hello", 5);
	for (int i = 0; i < 5; i++) {
		_cleanup_(cJSON_Deletep) cJSON *j = line(h, fd);

		assert_non_null(j);
		assert_int_equal(json_int(j, "uid"), i < 4 ? 1234 : 0);
		assert_int_equal(cJSON_HasObjectItem(j, "uid"), i < 4);
	}
}

static void put_lag(void *ctx, struct json_writer *w)
{
	json_key(w, "lag_ms");
	json_put_int(w, *(int *)ctx);
}

static void a_status_is_one_line_and_the_end(void **state)
{
	struct hub *h = *state;
	_cleanup_(closep) int fd = watch(h, "{\"op\":\"status\"}\n");
	int lag = 17;
	cJSON *j;

	tell(h, 1, 3);
	live_hub_status(h->hub, put_lag, &lag);
	j = line(h, fd);
	assert_non_null(j);
	assert_string_equal(json_str(j, "type").p, "status");
	assert_int_equal(json_int(j, "lag_ms"), 17);
	assert_int_equal(json_int(j, "engine"), getpid());
	cJSON_Delete(j);
	assert_null(line(h, fd));
}

static void the_socket_is_its_owners_alone(void **state)
{
	const struct hub *h = *state;
	char live[128];
	struct stat st;

	snprintf(live, sizeof(live), "%s/live", h->dir);
	assert_int_equal(stat(live, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void without_a_folder_there_is_an_error(void **state)
{
	struct live_hub *hub = NULL;

	(void)state;
	assert_int_equal(live_hub_open("/no/such/folder/sonde.db", &hub), -ENOENT);
	assert_null(hub);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_watcher_gets_what_there_is_and_what_comes),
		TEST(who_comes_too_late_is_told_what_it_has_missed),
		TEST(what_is_kept_is_bounded_in_bytes),
		TEST(a_watcher_that_says_nonsense_is_sent_away),
		TEST(a_number_of_the_future_means_all_there_is),
		TEST(each_line_says_whose_it_is),
		TEST(a_status_is_one_line_and_the_end),
		TEST(the_socket_is_its_owners_alone),
		cmocka_unit_test(without_a_folder_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
