/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/har.h"

#define OPCODE_TEXT 1
#define SECONDS_MAX 10000000000 /* a time that is larger is one in ms */

bool har_socket_message(struct slice json, struct har_message *ret)
{
	enum { TYPE, TIME, OPCODE, DATA, N };
	static const char *const names[N] = { "type", "time", "opcode", "data" };
	int64_t time, opcode = OPCODE_TEXT;
	struct slice v[N];

	*ret = (struct har_message){ 0 };
	if (!json_members(json, names, v, N) || v[DATA].n < 2 || v[DATA].p[0] != '"')
		return false;
	ret->from_client = json_is(v[TYPE], "send");
	if (!ret->from_client && !json_is(v[TYPE], "receive"))
		return false;
	ret->data = v[DATA];
	json_int64(v[OPCODE], &opcode);
	ret->text = opcode == OPCODE_TEXT;
	if (json_scaled(v[TIME], 0, &time) && time > 0 &&
	    json_scaled(v[TIME], time < SECONDS_MAX ? 9 : 6, &time))
		ret->ns = (uint64_t)time;
	return true;
}
