// SPDX-License-Identifier: BSD-2-Clause
/* Who is in scope, and which processes there are (bpf/process.bpf.c). */
#include <bpf/libbpf.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "probe/capture.h"
#include "sonde.skel.h"

#define IN_FLIGHT_NS  20000000 /* longer than any program runs */
#define TASKS_AT_ONCE 64

int capture_each_task(struct capture *c, capture_task_fn fn, void *ctx)
{
	struct sonde_found_task tasks[TASKS_AT_ONCE];
	struct bpf_link *link =
		bpf_program__attach_iter(capture_programs(c)->progs.find_task, NULL);
	_cleanup_(closep) int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	ssize_t n = 0;
	int r = fd < 0 ? -errno : 0;

	while (r == 0 && (n = read(fd, tasks, sizeof(tasks))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(tasks[0]); i++)
			fn(ctx, &tasks[i]);
	if (n < 0 && errno != EAGAIN)
		r = -errno;
	bpf_link__destroy(link);
	return r;
}

static void take_start(void *ctx, const struct sonde_found_task *task)
{
	*(uint64_t *)ctx = task->start_ns;
}

uint64_t capture_start_of(struct capture *c, pid_t pid)
{
	uint64_t start = 0;

	capture_programs(c)->bss->wanted_tgid = (uint32_t)pid;
	capture_each_task(c, take_start, &start);
	capture_programs(c)->bss->wanted_tgid = 0;
	return start;
}

void capture_find_own(struct capture *c, pid_t pid)
{
	capture_programs(c)->bss->own_tgid = (uint32_t)pid;
	capture_start_of(c, pid);
	capture_programs(c)->bss->own_tgid = 0;
}

/* As sonde.bpf.h has it. */
struct scope_value {
	uint64_t start_ns;
	uint32_t id, flags;
};

#define SCOPE_JOINED   1
#define SCOPE_OUT      2
#define SCOPE_STRANGER 4

static int put(struct capture *c, pid_t pid, const struct scope_value *v, uint64_t how)
{
	uint32_t key = (uint32_t)pid;

	return bpf_map__update_elem(capture_programs(c)->maps.scopes, &key, sizeof(key), v,
				    sizeof(*v), how);
}

int capture_scope_add(struct capture *c, pid_t pid, uint64_t start_ns, uint32_t id, bool joined)
{
	return put(c, pid, &(struct scope_value){ start_ns, id, joined ? SCOPE_JOINED : 0 },
		   BPF_ANY);
}

int capture_scope_enter(struct capture *c, pid_t pid, uint64_t start_ns, uint32_t id, bool joined,
			bool stranger)
{
	const uint32_t flags = (joined ? SCOPE_JOINED : 0) | (stranger ? SCOPE_STRANGER : 0);

	return put(c, pid, &(struct scope_value){ start_ns, id, flags }, BPF_NOEXIST);
}

void capture_scope_known(struct capture *c, uint32_t id)
{
	const struct bpf_map *map = capture_programs(c)->maps.scopes;
	uint32_t key, next;
	const void *at = NULL;

	/* Who is forked meanwhile by one that was passed already is known; by others not: the map
	 * is walked twice. */
	for (int round = 0; round < 2; round++, at = NULL) {
		for (uint32_t i = 0; i < bpf_map__max_entries(map); i++) {
			struct scope_value v;

			if (bpf_map__get_next_key(map, at, &next, sizeof(next)) < 0)
				break;
			key = next;
			at = &key;
			if (bpf_map__lookup_elem(map, &key, sizeof(key), &v, sizeof(v), 0) < 0 ||
			    v.id != id || !(v.flags & SCOPE_STRANGER))
				continue;
			v.flags &= ~(uint32_t)SCOPE_STRANGER;
			bpf_map__update_elem(map, &key, sizeof(key), &v, sizeof(v), BPF_EXIST);
		}
	}
}

int capture_scope_shut_out(struct capture *c, pid_t pid, uint64_t start_ns)
{
	return put(c, pid, &(struct scope_value){ start_ns, 0, SCOPE_OUT }, BPF_ANY);
}

uint32_t capture_scope_number(struct capture *c)
{
	return __atomic_fetch_add(&capture_programs(c)->data->next_scope, 1, __ATOMIC_RELAXED);
}

uint32_t capture_scope_of(const struct capture *c, pid_t pid, uint64_t start_ns)
{
	uint32_t key = (uint32_t)pid;
	struct scope_value v;

	if (bpf_map__lookup_elem(capture_programs(c)->maps.scopes, &key, sizeof(key), &v, sizeof(v),
				 0) < 0)
		return 0;
	return v.start_ns == start_ns && !(v.flags & SCOPE_OUT) ? v.id : 0;
}

bool capture_in_scope(const struct capture *c, pid_t pid, uint64_t start_ns)
{
	return capture_scope_of(c, pid, start_ns) != 0;
}

void capture_scope_drop(struct capture *c, pid_t pid)
{
	uint32_t key = (uint32_t)pid;

	bpf_map__delete_elem(capture_programs(c)->maps.scopes, &key, sizeof(key), 0);
}

void capture_scope_end(struct capture *c, pid_t pid, uint64_t start_ns)
{
	uint32_t key = (uint32_t)pid;
	struct scope_value v;

	if (bpf_map__lookup_elem(capture_programs(c)->maps.scopes, &key, sizeof(key), &v, sizeof(v),
				 0) == 0 &&
	    v.start_ns == start_ns)
		capture_scope_drop(c, pid);
}

bool capture_scope_empty(const struct capture *c)
{
	uint32_t key;

	return bpf_map__get_next_key(capture_programs(c)->maps.scopes, NULL, &key, sizeof(key)) < 0;
}

void capture_scope_cgroup(struct capture *c, uint64_t id, uint32_t uid)
{
	capture_programs(c)->bss->wanted_cgroup = 0;
	capture_programs(c)->data->wanted_uid = uid;
	capture_programs(c)->bss->wanted_cgroup = id;
}

static void clear_scope(struct capture *c)
{
	const struct bpf_map *map = capture_programs(c)->maps.scopes;
	uint32_t key;

	while (bpf_map__get_next_key(map, NULL, &key, sizeof(key)) == 0)
		if (bpf_map__delete_elem(map, &key, sizeof(key), 0) < 0)
			break;
}

void capture_stop(struct capture *c)
{
	const struct timespec t = { .tv_nsec = IN_FLIGHT_NS };

	capture_programs(c)->bss->wanted_cgroup = 0;
	capture_programs(c)->bss->rules_on = false;
	clear_scope(c);
	nanosleep(&t, NULL);
	clear_scope(c); /* a fork may have been under way */
}
