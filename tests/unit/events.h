/* SPDX-License-Identifier: BSD-2-Clause */
/* Events made by hand, for tests. Each function fills @ev, zeroed before, and returns its header.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "base/util.h"
#include "sonde/event.h"

union test_event {
	struct sonde_event hdr;
	struct sonde_json_event json;
	struct sonde_clock_event clock;
	struct sonde_fork_event fork;
	struct sonde_exec_event exec;
	struct sonde_exit_event exit;
	struct sonde_found_event found;
	struct sonde_left_event left;
	struct sonde_data_event data;
	struct sonde_gap_event gap;
	struct sonde_conn_event conn;
	struct sonde_link_event link;
	struct sonde_use_event use;
	struct sonde_connect_event connect;
	struct sonde_hello_event hello;
	struct sonde_file_event file;
	struct sonde_artifact_event artifact;
	struct sonde_loss_event loss;
	struct sonde_verdict_event verdict;
	struct sonde_signal_event signal;
	struct sonde_wait_event wait;
	_Alignas(8) char bytes[SONDE_EVENT_MAX];
};

/* Process N of a test started at N * 1000 ns. */
static inline struct sonde_event *ev_begin(union test_event *ev, __u16 kind, __u32 pid, size_t size)
{
	memset(ev, 0, size);
	ev->hdr.ts_ns = 1000000;
	ev->hdr.start_ns = pid * 1000ull;
	ev->hdr.tgid = ev->hdr.tid = pid;
	ev->hdr.size = (__u32)size;
	ev->hdr.kind = kind;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_plain(union test_event *ev, __u16 kind,
							    __u64 ts_ns)
{
	ev_begin(ev, kind, 0, sizeof(ev->hdr));
	ev->hdr.ts_ns = ts_ns;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_json(union test_event *ev, __u16 kind,
							   __u32 pid, const char *json)
{
	size_t n = strlen(json);

	ev_begin(ev, kind, pid, sizeof(ev->json) + n);
	memcpy(ev->json.json, json, n);
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_fork(union test_event *ev, __u32 parent,
							   __u32 child)
{
	ev_begin(ev, SONDE_EV_FORK, parent, sizeof(ev->fork));
	ev->fork.child_tgid = child;
	ev->fork.child_start_ns = child * 1000ull;
	ev->fork.scope = 1;
	return &ev->hdr;
}

/* @argv: arguments with a NUL between them. */
__attribute__((unused)) static struct sonde_event *
ev_exec(union test_event *ev, __u32 pid, const char *path, const char *cwd, struct slice argv)
{
	size_t path_len = strlen(path) + 1, cwd_len = strlen(cwd) + 1;
	char *at = ev->exec.text;

	ev_begin(ev, SONDE_EV_EXEC, pid, sizeof(ev->exec) + path_len + cwd_len + argv.n + 1);
	ev->exec.path_len = (__u16)path_len;
	ev->exec.cwd_len = (__u16)cwd_len;
	ev->exec.argv_len = (__u16)(argv.n + 1);
	memcpy(at, path, path_len);
	memcpy(at + path_len, cwd, cwd_len);
	memcpy(at + path_len + cwd_len, argv.p, argv.n);
	snprintf(ev->exec.comm, sizeof(ev->exec.comm), "comm%u", pid);
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_found(union test_event *ev, __u32 pid,
							    __u32 scope, __u32 rule)
{
	ev_begin(ev, SONDE_EV_FOUND, pid, sizeof(ev->found));
	ev->found.scope = scope;
	ev->found.rule = rule;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_left(union test_event *ev, __u32 pid,
							   __u32 why)
{
	ev_begin(ev, SONDE_EV_LEFT, pid, sizeof(ev->left));
	ev->left.why = why;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_exit(union test_event *ev, __u32 pid,
							   int code, int signal)
{
	ev_begin(ev, SONDE_EV_EXIT, pid, sizeof(ev->exit));
	ev->exit.code = code;
	ev->exit.signal = signal;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *
ev_conn(union test_event *ev, __u16 kind, __u32 pid, __u64 conn, __u8 family, __u16 remote_port)
{
	ev_begin(ev, kind, pid, sizeof(ev->conn));
	ev->conn.conn = conn;
	ev->conn.source = SONDE_SOURCE_TCP;
	ev->conn.family = family;
	ev->conn.flags = SONDE_CONN_CLIENT;
	ev->conn.remote_port = remote_port;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *
ev_data(union test_event *ev, __u32 pid, __u64 conn, __u8 dir, __u64 pos, struct slice bytes)
{
	ev_begin(ev, SONDE_EV_DATA, pid, sizeof(ev->data) + bytes.n);
	ev->data.conn = conn;
	ev->data.pos = pos;
	ev->data.len = ev->data.call_len = (__u32)bytes.n;
	ev->data.dir = dir;
	ev->data.source = SONDE_SOURCE_TCP;
	if (bytes.n)
		memcpy(ev->data.data, bytes.p, bytes.n);
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *
ev_gap(union test_event *ev, __u32 pid, __u64 conn, __u8 dir, __u64 pos, __u64 len, __u8 reason)
{
	ev_begin(ev, SONDE_EV_GAP, pid, sizeof(ev->gap));
	ev->gap.conn = conn;
	ev->gap.pos = pos;
	ev->gap.len = len;
	ev->gap.dir = dir;
	ev->gap.source = SONDE_SOURCE_TCP;
	ev->gap.reason = reason;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_hello(union test_event *ev, __u64 conn,
							    struct slice bytes)
{
	ev_begin(ev, SONDE_EV_TLS_HELLO, 1, sizeof(ev->hello) + bytes.n);
	ev->hello.conn = conn;
	ev->hello.len = (__u32)bytes.n;
	memcpy(ev->hello.data, bytes.p, bytes.n);
	return &ev->hdr;
}

/* @sender 0: the kernel. */
__attribute__((unused)) static struct sonde_event *
ev_signal(union test_event *ev, __u32 pid, int signal, __u32 sender, const char *comm)
{
	ev_begin(ev, SONDE_EV_SIGNAL, pid, sizeof(ev->signal));
	ev->signal.signal = signal;
	ev->signal.sender_tgid = sender;
	ev->signal.sender_start_ns = sender * 1000ull;
	snprintf(ev->signal.comm, sizeof(ev->signal.comm), "%s", comm);
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_wait(union test_event *ev, __u32 pid,
							   __u8 what, __u8 ends)
{
	ev_begin(ev, SONDE_EV_WAIT, pid, sizeof(ev->wait));
	ev->wait.what = what;
	ev->wait.ends = ends;
	return &ev->hdr;
}

/* @path2 may be NULL. */
__attribute__((unused)) static struct sonde_event *
ev_file(union test_event *ev, __u32 pid, __u32 op, const char *path, const char *path2)
{
	const size_t n = strlen(path) + 1, n2 = path2 ? strlen(path2) + 1 : 0;

	ev_begin(ev, SONDE_EV_FILE, pid, sizeof(ev->file) + n + n2);
	ev->file.op = op;
	ev->file.path_len = (__u16)n;
	ev->file.path2_len = (__u16)n2;
	memcpy(ev->file.text, path, n);
	if (path2)
		memcpy(ev->file.text + n, path2, n2);
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_artifact(union test_event *ev, __u32 pid,
							       __u8 state, const char *path,
							       __u32 offset, struct slice bytes)
{
	const size_t n = strlen(path) + 1;

	ev_begin(ev, SONDE_EV_ARTIFACT, pid, sizeof(ev->artifact) + n + bytes.n);
	ev->artifact.state = state;
	ev->artifact.offset = offset;
	ev->artifact.len = (__u32)bytes.n;
	ev->artifact.size = offset + bytes.n;
	ev->artifact.path_len = (__u16)n;
	memcpy(ev->artifact.text, path, n);
	if (bytes.n)
		memcpy(ev->artifact.text + n, bytes.p, bytes.n);
	return &ev->hdr;
}

/* To 127.0.0.1. */
__attribute__((unused)) static struct sonde_event *ev_connect(union test_event *ev, __u32 pid,
							      __u16 port, int result)
{
	static const __u8 addr[4] = { 127, 0, 0, 1 };

	ev_begin(ev, SONDE_EV_CONNECT, pid, sizeof(ev->connect));
	ev->connect.result = result;
	ev->connect.family = 2;
	ev->connect.port = port;
	memcpy(ev->connect.addr, addr, sizeof(addr));
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_use(union test_event *ev, __u32 pid,
							  __u64 conn, __u8 dir, __u8 reads)
{
	ev_begin(ev, SONDE_EV_CONN_USE, pid, sizeof(ev->use));
	ev->use.conn = conn;
	ev->use.dir = dir;
	ev->use.reads = reads;
	return &ev->hdr;
}

__attribute__((unused)) static struct sonde_event *ev_link(union test_event *ev, __u64 tls,
							   __u64 sock)
{
	ev_begin(ev, SONDE_EV_CONN_LINK, 1, sizeof(ev->link));
	ev->link.tls = tls;
	ev->link.sock = sock;
	ev->link.evidence = SONDE_LINK_NESTED_CALL;
	return &ev->hdr;
}
