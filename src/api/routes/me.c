/* SPDX-License-Identifier: BSD-2-Clause */
/* Who asks, and what they may. */
#include <pwd.h>
#include <stdio.h>

#include "api/routes/routes.h"
#include "export/json_put.h"

static void put_user(struct json_writer *w, uint32_t uid)
{
	struct passwd pw, *found = NULL;
	char text[1024], number[16];

	if (getpwuid_r(uid, &pw, text, sizeof(text), &found) != 0 || !found) {
		snprintf(number, sizeof(number), "%u", uid);
		put_text(w, "user", slice_of(number));
		return;
	}
	put_text(w, "user", slice_of(found->pw_name));
}

static void put_rights(struct json_writer *w, unsigned rights)
{
	static const char *const names[] = { "read", "content", "export", "write" };

	json_key(w, "rights");
	json_begin(w, '[');
	for (unsigned i = 0; i < 4; i++)
		if (rights & 1u << i)
			json_put_str(w, slice_of(names[i]));
	json_end(w, ']');
}

enum MHD_Result handle_me(struct request *rq)
{
	struct buf text = { 0 };
	struct json_writer w = { .out = &text };

	json_begin(&w, '{');
	put_number(&w, "uid", rq->peer.uid);
	put_user(&w, rq->peer.uid);
	put_text(&w, "sees", slice_of(rq->peer.all ? "all" : "own"));
	put_rights(&w, rq->rights);
	put_text(&w, "sonde", slice_of(SONDE_VERSION));
	json_key(&w, "daemon");
	json_put_bool(&w, rq->s->c.stop != NULL);
	put_text(&w, "token", slice_of(rq->token));
	json_end(&w, '}');
	return reply_json(rq, MHD_HTTP_OK, &w);
}
