/* SPDX-License-Identifier: BSD-2-Clause */
/* A link into the daemon's web interface, for whoever asks: they see there what is theirs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/remote.h"
#include "cmd/remote_http.h"
#include "cmd/screen.h"

#define URL_MAX 512

static int write_question(const char *run, struct buf *ret)
{
	struct json_writer w = { .out = ret };

	json_begin(&w, '{');
	if (run) {
		json_key(&w, "run");
		json_put_str(&w, slice_of(run));
	}
	json_end(&w, '}');
	return w.r;
}

static int take_answer(struct http_reply *reply)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	char why[256];
	struct slice text, url;

	if (reply->status != 200) {
		http_problem(reply, why, sizeof(why));
		log_err("%s", why);
		return 1;
	}
	if (http_line(reply, &text) > 0)
		j = json_parse(text);
	url = json_str(j, "url");
	if (!url.n) {
		log_err("the daemon's answer is cut");
		return 1;
	}
	printf("%.*s\n", SLICE_ARG(url));
	return 0;
}

static int run(int argc, char **argv)
{
	_cleanup_(buf_done) struct buf question = { 0 };
	struct screen s = { .f = stdout };
	struct http_reply reply;
	int r = write_question(argc ? argv[0] : NULL, &question);

	if (r == 0)
		r = http_ask(remote_socket(), "POST", "/api/v1/open",
			     "Content-Type: application/json\r\n", buf_slice(&question), &reply);
	if (r < 0) {
		remote_failed(r);
		if (r == -ENOENT || r == -ECONNREFUSED)
			log_info("for a store of your own: sonde serve");
		return 1;
	}
	r = take_answer(&reply);
	http_done(&reply);
	return screen_finish(&s) < 0 ? 1 : r;
}

static const struct option_spec options[] = { { 0 } };

const struct command command_open = {
	.name = "open",
	.summary = "a link into the daemon's web interface",
	.usage = "[RUN]",
	.help = "Prints a link for your browser, good once and for a minute; with RUN it leads to "
		"that\n"
		"run. The browser stays let in for 30 days, and sees what you may see: your own "
		"runs, or\n"
		"all where you are root or in the daemon's group. Nothing is opened by itself.\n"
		"\n"
		"From another machine: ssh -L 7780:localhost:7780 HOST, then run it there.\n"
		"\n"
		"Examples:\n"
		"  sonde open\n"
		"  sonde open last\n"
		"  xdg-open \"$(sonde open)\"\n",
	.options = options,
	.run = run,
	.max_operands = 1,
};
