/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/sandbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "trace/emit.h"

static const char *const namespaces[] = { "user", "pid", "net", "mnt", "ipc", "uts" };

#define CAPS_ALL_MIN 37 /* capabilities of the oldest kernel that counts */

static void read_namespaces(struct sandbox *s, const cJSON *list)
{
	const cJSON *one;

	cJSON_ArrayForEach (one, list)
		for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
			if (slice_eq(slice_of(cJSON_GetStringValue(one)), slice_of(namespaces[i])))
				s->namespaces |= (uint8_t)(1u << i);
}

void sandbox_read(struct sandbox *s, struct slice proc)
{
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(json_member(proc, SLICE("sandbox")));
	const cJSON *caps = json_at(j, "caps");
	int64_t uid = 0;

	if (!cJSON_IsString(caps)) /* its process had gone */
		return;
	json_int64(json_member(proc, SLICE("uid")), &uid);
	*s = (struct sandbox){
		.known = true,
		.no_new_privs = cJSON_IsTrue(json_at(j, "no_new_privs")),
		.read_only_root = cJSON_IsTrue(json_at(j, "read_only_root")),
		.seccomp = json_int(j, "seccomp") != 0,
		.caps = strtoull(caps->valuestring, NULL, 16),
		.uid = (uint32_t)uid,
		.namespaces_known = cJSON_IsArray(json_at(j, "namespaces")),
	};
	read_namespaces(s, json_at(j, "namespaces"));
}

bool sandbox_eq(const struct sandbox *a, const struct sandbox *b)
{
	return a->known == b->known && a->no_new_privs == b->no_new_privs &&
	       a->read_only_root == b->read_only_root && a->seccomp == b->seccomp &&
	       a->namespaces == b->namespaces && a->caps == b->caps && a->uid == b->uid;
}

/* --- telling it --- */

/* "all", "none", or the bits in hexadecimal, as capsh(1) decodes them. */
static struct slice caps_text(uint64_t caps, char ret[24])
{
	if (caps == 0)
		return SLICE("none");
	if ((caps & (caps + 1)) == 0 && caps >> CAPS_ALL_MIN)
		return SLICE("all");
	snprintf(ret, 24, "%" PRIx64, caps);
	return slice_of(ret);
}

static void put_namespaces(struct json_writer *w, const struct sandbox *s)
{
	json_begin(w, '[');
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (s->namespaces & 1u << i)
			json_put_str(w, slice_of(namespaces[i]));
	json_end(w, ']');
}

static void emit_namespaces(struct emit *e, const struct sandbox *s)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };

	put_namespaces(&w, s);
	if (s->namespaces && w.r == 0 && e->mem)
		emit_strings(e, ATTR_SANDBOX_NAMESPACES, arena_copy(e->mem, buf_slice(&out)));
	buf_done(&out);
}

void sandbox_emit(struct emit *e, const struct sandbox *s)
{
	char text[24];

	if (!s->known)
		return;
	emit_str(e, ATTR_SANDBOX_SECCOMP, s->seccomp ? SLICE("filter") : SLICE("none"));
	emit_true(e, ATTR_SANDBOX_NO_NEW_PRIVS, s->no_new_privs);
	emit_str(e, ATTR_SANDBOX_CAPS, caps_text(s->caps, text));
	emit_namespaces(e, s);
	emit_true(e, ATTR_SANDBOX_READ_ONLY, s->read_only_root);
	emit_int(e, ATTR_SANDBOX_UID, s->uid);
}

void sandbox_json(struct json_writer *w, const struct sandbox *s)
{
	char text[24];

	json_begin(w, '{');
	json_key(w, "seccomp");
	json_put_str(w, s->seccomp ? SLICE("filter") : SLICE("none"));
	json_key(w, "no_new_privs");
	json_put_bool(w, s->no_new_privs);
	json_key(w, "capabilities");
	json_put_str(w, caps_text(s->caps, text));
	if (s->namespaces_known) {
		json_key(w, "namespaces");
		put_namespaces(w, s);
	}
	json_key(w, "read_only_root");
	json_put_bool(w, s->read_only_root);
	json_key(w, "uid");
	json_put_int(w, s->uid);
	json_end(w, '}');
}
