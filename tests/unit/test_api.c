/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket in one process: what it passes on, and how its client reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/server.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/remote_http.h"

struct world {
	char dir[64], db[96], path[96];
	int fd;
	struct config *config;
	struct api_server *server;
	uint32_t left_pid;
	uint64_t left_start;
	int leave_result;
};

static int on_leave(void *ctx, uint32_t pid, uint64_t start_ns)
{
	struct world *w = ctx;

	w->left_pid = pid;
	w->left_start = start_ns;
	return w->leave_result;
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct config_error err;
	struct api_config c;

	*state = w;
	snprintf(w->dir, sizeof(w->dir), "/tmp/sonde-api-XXXXXX");
	if (!w || !mkdtemp(w->dir) || config_parse(SLICE(""), NULL, &w->config, &err) < 0)
		return -1;
	snprintf(w->db, sizeof(w->db), "%s/db", w->dir);
	snprintf(w->path, sizeof(w->path), "%s/sock", w->dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", w->path);
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(w->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(w->fd, 16) < 0)
		return -1;
	c = (struct api_config){ .config = w->config,
				 .store = w->db,
				 .peers = { .own = geteuid() },
				 .leave = on_leave,
				 .leave_ctx = w };
	return api_server_start(&c, w->fd, -1, &w->server);
}

static int end(void **state)
{
	struct world *w = *state;

	api_server_stop(w->server);
	close(w->fd);
	unlink(w->path);
	rmdir(w->dir);
	config_free(w->config);
	free(w);
	return 0;
}

static int ask(struct world *w, const char *method, const char *target, const char *body,
	       struct http_reply *ret)
{
	return http_ask(w->path, method, target, "", slice_of(body), ret);
}

static int leave(struct world *w, long pid)
{
	struct http_reply reply;
	char body[80];
	int status;

	snprintf(body, sizeof(body), "{\"pid\":%ld,\"start_ns\":123456789012}", pid);
	assert_int_equal(ask(w, "POST", "/api/v1/leave", body, &reply), 0);
	status = reply.status;
	http_done(&reply);
	return status;
}

static void what_is_to_be_left_is_passed_on(void **state)
{
	struct world *w = *state;

	assert_int_equal(leave(w, getpid()), 204);
	assert_int_equal(w->left_pid, getpid());
	assert_int_equal(w->left_start, 123456789012);
	w->leave_result = -EAGAIN;
	assert_int_equal(leave(w, getpid()), 503);
	w->left_pid = 0;
	assert_int_equal(leave(w, 0), 400);
	assert_int_equal(leave(w, -1), 400);
	assert_int_equal(w->left_pid, 0);
}

static void a_status_is_one_object(void **state)
{
	struct world *w = *state;
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	struct http_reply reply;
	struct slice line;

	assert_int_equal(ask(w, "GET", "/api/v1/status", "", &reply), 0);
	assert_int_equal(reply.status, 200);
	assert_int_equal(http_line(&reply, &line), 1);
	assert_true(json_valid(line));
	j = json_parse(line);
	assert_string_equal(json_str(j, "sees").p, "all"); /* our own user */
	assert_string_equal(json_str(j, "content").p, "standard");
	assert_int_equal(http_line(&reply, &line), 0);
	http_done(&reply);
}

static void a_problem_is_told_in_words(void **state)
{
	struct world *w = *state;
	struct http_reply reply;
	char why[128];

	assert_int_equal(ask(w, "POST", "/api/v1/command", "{\"argv\":[\"runs\"]}", &reply), 0);
	assert_int_equal(reply.status, 403); /* nobody said that it may be run */
	http_problem(&reply, why, sizeof(why));
	assert_string_equal(why, "only commands that read the store can be run here");
	http_done(&reply);
	assert_int_equal(ask(w, "PUT", "/api/v1/command", "", &reply), 0);
	assert_int_equal(reply.status, 405);
	http_done(&reply);
}

static void where_nobody_listens_is_an_error(void **state)
{
	struct http_reply reply;

	(void)state;
	assert_int_equal(http_ask("/no/such/socket", "GET", "/", "", SLICE(""), &reply), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_to_be_left_is_passed_on),
		TEST(a_status_is_one_object),
		TEST(a_problem_is_told_in_words),
		cmocka_unit_test(where_nobody_listens_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
