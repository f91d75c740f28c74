/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde stop`: has the daemon end a run. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/remote.h"
#include "cmd/remote_http.h"
#include "cmd/screen.h"

#define REF_MIN	 4
#define REF_MAX	 32
#define TASK_MAX 60

static bool yes;

static const struct option_spec options[] = {
	{ "yes", 'y', OPTION_FLAG, &yes, NULL, "do not ask whether it is meant", NULL, NULL },
	{ 0 },
};

/* --- which run --- */

static bool is_ref(const char *ref)
{
	const size_t n = strlen(ref);

	return n >= REF_MIN && n <= REF_MAX && strspn(ref, "0123456789abcdef") == n;
}

/* Its row as JSON in @ret, and a second one where several are meant. */
static int ask_which(const char *ref, struct buf *ret)
{
	char sql[320];
	const char *const argv[] = { "query", "--json", sql, NULL };
	char where[64] = "status IN ('running', 'paused')";
	int r;

	if (strcmp(ref, "last") != 0)
		snprintf(where, sizeof(where), "run_id LIKE '%s%%'", ref);
	snprintf(sql, sizeof(sql),
		 "SELECT run_id, agent, user, task, pid, status FROM v_runs WHERE %s "
		 "ORDER BY started DESC LIMIT %d",
		 where, strcmp(ref, "last") == 0 ? 1 : 2);
	r = remote_capture(argv, 0, ret);
	if (r < 0)
		return remote_failed(r);
	if (r > 0)
		log_err("the daemon cannot say which run that is");
	return r ? -EIO : 0;
}

static int find_run(const char *ref, cJSON **ret)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct slice line = { 0 }, rest = { 0 };
	int r;

	if (strcmp(ref, "last") != 0 && !is_ref(ref)) {
		log_err("'%s' is no run: give the digits that 'sonde runs' shows", ref);
		return -EINVAL;
	}
	r = ask_which(ref, &text);
	if (r < 0)
		return r;
	slice_cut(buf_slice(&text), '\n', &line, &rest);
	if (slice_trim(rest).n) {
		log_err("several runs begin with '%s': give more of its digits", ref);
		return -EEXIST;
	}
	*ret = json_parse(line);
	if (*ret)
		return 0;
	if (strcmp(ref, "last") == 0)
		log_err("the daemon knows of no run that is under way");
	else
		log_err("the daemon knows no run '%s'", ref);
	return -ENOENT;
}

/* --- the question --- */

static void print_text(struct slice text)
{
	_cleanup_(buf_done) struct buf clean = { 0 };

	text_clean(&clean, text, TASK_MAX);
	fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&clean)));
}

static bool is_meant(const cJSON *run)
{
	char answer[8] = "";

	if (yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		log_err("nobody is here who could be asked: --yes says that it is meant");
		return false;
	}
	fprintf(stderr, "Stop %.8s, ", json_str(run, "run_id").p);
	print_text(json_str(run, "agent"));
	fprintf(stderr, " of ");
	print_text(json_str(run, "user"));
	fprintf(stderr, " (process %lld): ", (long long)json_int(run, "pid"));
	print_text(json_str(run, "task"));
	fprintf(stderr, "\nIt is sent SIGTERM, and SIGKILL if it goes on for 10 s. [y/N] ");
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* --- the act --- */

static int stop(struct slice id)
{
	char target[96], body[64], why[256];
	struct http_reply reply;
	int r;

	snprintf(target, sizeof(target), "/api/v1/runs/%.*s/stop", SLICE_ARG(id));
	snprintf(body, sizeof(body), "{\"confirm\":\"%.*s\"}", SLICE_ARG(id));
	r = http_ask(remote_socket(), "POST", target, "Content-Type: application/json\r\n",
		     slice_of(body), &reply);
	if (r < 0)
		return remote_failed(r);
	if (reply.status != 204) {
		http_problem(&reply, why, sizeof(why));
		log_err("not stopped: %s", why);
		r = -EPERM;
	}
	http_done(&reply);
	return r;
}

static int run(int argc, char **argv)
{
	_cleanup_(cJSON_Deletep) cJSON *found = NULL;
	int r = find_run(argv[0], &found);

	(void)argc;
	if (r == 0 && !is_meant(found))
		r = -ECANCELED;
	if (r == 0)
		r = stop(json_str(found, "run_id"));
	return r < 0;
}

const struct command command_stop = {
	.name = "stop",
	.summary = "end a run that the daemon traces",
	.usage = "RUN [--yes]",
	.help = "Asks whether that is meant, then has the daemon end the run's root process: "
		"SIGTERM,\n"
		"and SIGKILL where it goes on for 10 s. RUN: the digits that 'sonde runs' shows, "
		"or\n"
		"'last' for the newest that is under way. A user can stop their own runs, root "
		"all.\n"
		"Who has asked for it stands in the run, which is then 'cancelled', and in the "
		"daemon's\n"
		"log. What 'sonde run' has started is stopped as any command is.\n"
		"\n"
		"Exit status: 0 it was sent SIGTERM, 1 it was not.\n",
	.options = options,
	.run = run,
	.min_operands = 1,
	.max_operands = 1,
};
