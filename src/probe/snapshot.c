// SPDX-License-Identifier: BSD-2-Clause
#include "probe/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "probe/describe.h"

#define DELETED	 " (deleted)"
#define TEXT_MAX (2 * (size_t)SONDE_PATH_MAX + SONDE_ARGV_MAX)

/* Where /proc/PID/NAME points to; empty where it cannot be told. Its length with the NUL, or 0. */
static uint16_t read_link(pid_t pid, const char *name, char ret[SONDE_PATH_MAX])
{
	const size_t tail = strlen(DELETED);
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = readlink(path, ret, SONDE_PATH_MAX - 1);
	if (n <= 0)
		return 0;
	/* It runs on after an upgrade has taken its file away. */
	if ((size_t)n > tail && memcmp(ret + n - tail, DELETED, tail) == 0)
		n -= (ssize_t)tail;
	ret[n] = 0;
	return (uint16_t)strnlen(ret, (size_t)n) + 1;
}

/* The real user and group. */
static void read_ids(pid_t pid, uint32_t *ret_uid, uint32_t *ret_gid)
{
	char text[4096];
	const char *at;

	*ret_uid = *ret_gid = 0;
	if (!describe_file(pid, "status", text, sizeof(text)))
		return;
	at = strstr(text, "\nUid:");
	if (at)
		*ret_uid = (uint32_t)strtoul(at + 5, NULL, 10);
	at = strstr(text, "\nGid:");
	if (at)
		*ret_gid = (uint32_t)strtoul(at + 5, NULL, 10);
}

/* --- a run --- */

/* {"argv":[...],"cwd":"..."}: whatever bytes these are, the writer makes JSON of them. */
static cJSON *command_of(pid_t pid)
{
	char text[SONDE_ARGV_MAX + 1], cwd[SONDE_PATH_MAX];
	size_t n = describe_file(pid, "cmdline", text, sizeof(text));
	_cleanup_(buf_done) struct buf out = { 0 };
	struct json_writer w = { .out = &out };

	json_begin(&w, '{');
	json_key(&w, "argv");
	json_begin(&w, '[');
	for (size_t at = 0; at < n; at += strlen(text + at) + 1)
		json_put_str(&w, slice_of(text + at));
	json_end(&w, ']');
	if (read_link(pid, "cwd", cwd)) {
		json_key(&w, "cwd");
		json_put_str(&w, slice_of(cwd));
	}
	json_end(&w, '}');
	return w.r == 0 ? json_parse(buf_slice(&out)) : NULL;
}

/* What the launcher says of the user holds where the process is that user's. */
static void add_user(cJSON *scope, uint32_t uid)
{
	const cJSON *known = json_at(scope, "uid");
	char number[16];

	if (cJSON_IsNumber(known) && (uint32_t)json_int(scope, "uid") == uid)
		return;
	snprintf(number, sizeof(number), "%u", uid);
	cJSON_DeleteItemFromObject(scope, "uid");
	cJSON_DeleteItemFromObject(scope, "user");
	cJSON_AddNumberToObject(scope, "uid", uid);
	cJSON_AddStringToObject(scope, "user", number);
}

void snapshot_scope(struct outbox *o, struct report_process root, uint32_t scope,
		    const cJSON *common)
{
	cJSON *j = cJSON_Duplicate(common, true), *command = command_of(root.tgid);
	uint32_t uid, gid;

	if (!j)
		j = cJSON_CreateObject();
	read_ids(root.tgid, &uid, &gid);
	add_user(j, uid);
	cJSON_AddNumberToObject(j, "scope", scope);
	cJSON_AddNumberToObject(j, "gid", gid);
	while (command && command->child) {
		cJSON *item = cJSON_DetachItemViaPointer(command, command->child);

		cJSON_AddItemToObject(j, item->string, item);
	}
	cJSON_Delete(command);
	report_scope(o, root, j);
	cJSON_Delete(j);
}

/* --- processes --- */

static struct sonde_event header(struct report_process p, uint16_t kind, size_t size)
{
	return (struct sonde_event){ .ts_ns = clock_boot(),
				     .start_ns = p.start_ns,
				     .tgid = (uint32_t)p.tgid,
				     .tid = (uint32_t)p.tgid,
				     .size = (uint32_t)size,
				     .kind = kind };
}

void snapshot_fork(struct outbox *o, struct report_process parent, struct report_process child,
		   uint32_t scope)
{
	struct sonde_fork_event e = { .hdr = header(parent, SONDE_EV_FORK, sizeof(e)),
				      .child_start_ns = child.start_ns,
				      .child_tgid = (uint32_t)child.tgid,
				      .scope = scope };

	outbox_send(o, (struct slice){ (const char *)&e, sizeof(e) });
}

void snapshot_found(struct outbox *o, struct report_process p, uint32_t scope, uint32_t rule)
{
	struct sonde_found_event e = { .hdr = header(p, SONDE_EV_FOUND, sizeof(e)),
				       .scope = scope,
				       .rule = rule };

	outbox_send(o, (struct slice){ (const char *)&e, sizeof(e) });
}

void snapshot_left(struct outbox *o, struct report_process p, uint32_t why)
{
	struct sonde_left_event e = { .hdr = header(p, SONDE_EV_LEFT, sizeof(e)), .why = why };

	outbox_send(o, (struct slice){ (const char *)&e, sizeof(e) });
}

/* Appends argv behind @at bytes of text. */
static void read_argv(pid_t pid, struct sonde_exec_event *e, size_t at)
{
	char *argv = e->text + at;
	size_t n = describe_file(pid, "cmdline", argv, SONDE_ARGV_MAX);

	if (n == 0)
		return;
	if (argv[n - 1] != 0) /* cut, or written over by the program itself */
		e->flags |= SONDE_EXEC_ARGV_CUT;
	e->argv_len = (uint16_t)(argv[n - 1] ? n + 1 : n); /* describe_file() has put a NUL */
}

void snapshot_exec(struct outbox *o, struct report_process p, struct report_process parent)
{
	const size_t max = sizeof(struct sonde_exec_event) + TEXT_MAX;
	_cleanup_(freep) struct sonde_exec_event *e = calloc(1, max);
	size_t at = 0;

	if (!e)
		return;
	e->path_len = read_link(p.tgid, "exe", e->text);
	at += e->path_len;
	e->cwd_len = read_link(p.tgid, "cwd", e->text + at);
	at += e->cwd_len;
	read_argv(p.tgid, e, at);
	at += e->argv_len;
	if (describe_file(p.tgid, "comm", e->comm, sizeof(e->comm)))
		e->comm[strcspn(e->comm, "\n")] = 0;
	read_ids(p.tgid, &e->uid, &e->gid);
	e->parent_tgid = (uint32_t)parent.tgid;
	e->parent_start_ns = parent.start_ns;
	e->hdr = header(p, SONDE_EV_EXEC, sizeof(*e) + at);
	outbox_send(o, (struct slice){ (const char *)e, sizeof(*e) + at });
}
