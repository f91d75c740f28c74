// SPDX-License-Identifier: BSD-2-Clause
#include "probe/capture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "probe/admit.h"
#include "probe/hooks.h"
#include "probe/report.h"
#include "probe/session.h"
#include "probe/uprobe.h"
#include "probe/waits.h"
#include "sonde.skel.h"

#define RING_MIN      (256u << 10)
#define RING_MAX      (1u << 30)
#define WORK_AT_ONCE  8192 /* more than the ring holds; who fills it faster does not stop us */
#define LIBBPF_LAST_N 200

struct capture {
	struct sonde_bpf *skel;
	struct features features;
	bool files, copies; /* what is done with them is told: to the engine, and to us */
	bool watch;
	size_t ring_bytes;
	struct sonde_shared *shared;
	struct ring_buffer *work, *written; /* written: NULL without copies */
	struct hooks *hooks;
	struct waits *waits; /* NULL: cannot be seen on this kernel */
	void (*work_fn)(void *ctx, const struct sonde_work *w);
	void *work_ctx;
	int work_left;
	void (*files_fn)(void *ctx, const struct sonde_file_event *e);
	void *files_ctx;
	uint64_t first_conn;
};

/* The last complaint of libbpf: it knows why, and says it only in words. */
static char libbpf_last[LIBBPF_LAST_N];

__attribute__((format(printf, 2, 0))) static int on_libbpf(enum libbpf_print_level level,
							   const char *fmt, va_list ap)
{
	if (getenv("SONDE_BPF_LOG")) { /* the verifier's words, for whoever asks */
		va_list copy;

		va_copy(copy, ap);
		vfprintf(stderr, fmt, copy);
		va_end(copy);
	}
	if (level == LIBBPF_WARN && !libbpf_last[0]) {
		vsnprintf(libbpf_last, sizeof(libbpf_last), fmt, ap);
		libbpf_last[strcspn(libbpf_last, "\n")] = '\0';
	}
	return 0;
}

static size_t ring_size(size_t wanted)
{
	size_t n = RING_MIN;

	while (n < wanted && n < RING_MAX)
		n *= 2;
	return n;
}

/* Which programs are loaded, and as what. */
static void choose_programs(struct sonde_bpf *s, const struct features *f, bool with_files)
{
	struct bpf_program *multi[] = { s->progs.tls_enter,
					s->progs.tls_leave,
					s->progs.tls_leave_sleepable,
					s->progs.tls_forget,
					s->progs.tls_descriptor,
					s->progs.tls_begin,
					s->progs.go_moved,
					s->progs.go_moved_sleepable,
					s->progs.go_begins,
					s->progs.rustls_encrypt,
					s->progs.rustls_encrypt_sleepable,
					s->progs.rustls_decrypt_enter,
					s->progs.rustls_decrypt_leave,
					s->progs.rustls_decrypt_leave_sleepable };
	struct bpf_program *by_regs[] = { s->progs.sys_connect,	 s->progs.sys_accept,
					  s->progs.sys_shutdown, s->progs.sys_close,
					  s->progs.sys_moved,	 s->progs.sys_mmap };
	struct bpf_program *files[] = { s->progs.file_opened,	s->progs.file_written,
					s->progs.file_mapped,	s->progs.file_closed,
					s->progs.file_replaced, s->progs.file_named,
					s->progs.files_closed,	s->progs.files_exec,
					s->progs.files_exit };

	for (size_t i = 0; f->uprobe_multi && i < ARRAY_SIZE(multi); i++)
		bpf_program__set_expected_attach_type(multi[i], (enum bpf_attach_type)UPROBE_MULTI);
	bpf_program__set_expected_attach_type(s->progs.tls_session,
					      (enum bpf_attach_type)UPROBE_SESSION);
	bpf_program__set_expected_attach_type(s->progs.rustls_decrypt_session,
					      (enum bpf_attach_type)UPROBE_SESSION);
	bpf_program__set_autoload(s->progs.tls_session, f->session);
	bpf_program__set_autoload(s->progs.rustls_decrypt_session, f->session);
	bpf_program__set_autoload(s->progs.rustls_encrypt, !f->sleepable);
	bpf_program__set_autoload(s->progs.rustls_encrypt_sleepable, f->sleepable);
	bpf_program__set_autoload(s->progs.rustls_decrypt_leave, !f->sleepable);
	bpf_program__set_autoload(s->progs.rustls_decrypt_leave_sleepable, f->sleepable);
	bpf_program__set_autoload(s->progs.tls_leave_sleepable, f->sleepable);
	bpf_program__set_autoload(s->progs.tls_leave, !f->sleepable);
	bpf_program__set_autoload(s->progs.go_moved_sleepable, f->sleepable);
	bpf_program__set_autoload(s->progs.go_moved, !f->sleepable);
	for (size_t i = 0; i < ARRAY_SIZE(by_regs); i++)
		bpf_program__set_autoload(by_regs[i], f->task_pt_regs && f->tracefs);
	bpf_program__set_autoload(s->progs.find_waits, f->task_pt_regs);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		bpf_program__set_autoload(files[i], with_files);
}

static int load(struct capture *c)
{
	struct sonde_bpf *s = sonde_bpf__open();
	int r;

	if (!s)
		return -errno;
	c->features.session = c->features.session && session_prepare(s->obj);
	choose_programs(s, &c->features, c->files);
	waits_prepare(s);
	admit_prepare(s, c->watch);
	bpf_map__set_max_entries(s->maps.events, (uint32_t)c->ring_bytes);
	if (!c->copies)
		bpf_map__set_max_entries(s->maps.written, (uint32_t)sysconf(_SC_PAGESIZE));
	s->rodata->ring_bytes = c->ring_bytes;
	s->rodata->have_bpf_loop = c->features.bpf_loop;
	s->bss->next_conn = c->first_conn;
	libbpf_last[0] = '\0';
	r = sonde_bpf__load(s);
	if (r < 0) {
		sonde_bpf__destroy(s);
		return r;
	}
	c->skel = s;
	return 0;
}

/* A kernel may have a feature and still refuse our use of it: then without. */
static int load_best(struct capture *c)
{
	int r = load(c);

	if (r < 0 && c->features.session) {
		c->features.session = false;
		r = load(c);
	}
	if (r < 0 && c->features.sleepable) {
		c->features.sleepable = false;
		r = load(c);
	}
	if (r < 0 && c->files) {
		c->files = false;
		r = load(c);
	}
	return r;
}

static int on_work(void *ctx, void *data, size_t n)
{
	struct capture *c = ctx;

	if (n >= sizeof(struct sonde_work) && c->work_fn)
		c->work_fn(c->work_ctx, data);
	return --c->work_left > 0 ? 0 : -EAGAIN;
}

static int on_file(void *ctx, void *data, size_t n)
{
	struct capture *c = ctx;

	if (n >= sizeof(struct sonde_file_event) && c->files_fn)
		c->files_fn(c->files_ctx, data);
	return 0;
}

static int map_all(struct capture *c)
{
	void *p = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
		       capture_shared_fd(c), 0);

	if (p == MAP_FAILED)
		return -errno;
	c->shared = p;
	c->work = ring_buffer__new(bpf_map__fd(c->skel->maps.work), on_work, c, NULL);
	if (!c->work)
		return -errno;
	if (!c->files || !c->copies)
		return 0;
	c->written = ring_buffer__new(bpf_map__fd(c->skel->maps.written), on_file, c, NULL);
	c->skel->bss->copy_files = c->written;
	return c->written ? 0 : -errno;
}

int capture_new(const struct features *f, const struct capture_wanted *w, struct capture **ret,
		char *ret_message, size_t n)
{
	struct capture *c = calloc(1, sizeof(*c));
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int r;

	if (!c)
		return -ENOMEM;
	c->features = *f;
	c->copies = w->copies;
	c->watch = w->watch;
	c->files = w->files && f->task_pt_regs && f->tracefs;
	c->ring_bytes = ring_size(w->ring_bytes);
	c->first_conn = clock_boot();
	libbpf_set_print(on_libbpf);
	setrlimit(RLIMIT_MEMLOCK, &unlimited); /* before 5.11 maps count against it */
	r = load_best(c);
	if (r == 0 && c->skel)
		r = map_all(c);
	if (r < 0) {
		snprintf(ret_message, n, "the kernel (%s) refused the BPF programs: %s%s%s",
			 f->release, strerrordesc_np(-r), libbpf_last[0] ? ": " : "", libbpf_last);
		capture_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	hooks_free(c->hooks);
	waits_free(c->waits);
	ring_buffer__free(c->work);
	ring_buffer__free(c->written);
	if (c->shared)
		munmap(c->shared, sizeof(*c->shared));
	if (c->skel)
		sonde_bpf__destroy(c->skel);
	free(c);
}

int capture_attach(struct capture *c, int tracefs_fd, size_t *ret_missing)
{
	c->waits = waits_new(c->skel);
	return hooks_new(c->skel, tracefs_fd, &c->hooks, ret_missing);
}

void capture_outside_input(struct capture *c, pid_t pid)
{
	waits_outside(c->skel, pid);
}

void capture_look_for_waits(struct capture *c)
{
	waits_look(c->waits, clock_boot());
}

int capture_timeout(const struct capture *c, int most_ms)
{
	return waits_timeout(c->waits, clock_boot(), most_ms);
}

int capture_verdict(struct capture *c, uint64_t conn, uint32_t verdict)
{
	int r;

	if (conn < c->first_conn || conn >= c->skel->bss->next_conn ||
	    verdict > SONDE_VERDICT_COUNT_ONLY)
		return -ENOENT;
	r = bpf_map__update_elem(c->skel->maps.verdicts, &conn, sizeof(conn), &verdict,
				 sizeof(verdict), BPF_ANY);
	if (r == 0)
		c->skel->bss->n_verdicts++;
	return r;
}

/* Keys and values as tls_conn.bpf.h and socket.bpf.h have them. */
struct tls_key {
	uint64_t ssl, start_ns;
	uint32_t tgid, pad;
};

struct sock_head {
	uint64_t id, inode, owner_start_ns;
	uint32_t owner_tgid, owner_tid, flags, told, class;
	uint16_t family;
	uint8_t ended, dead;
};

/* Whose entries go: those of one process, or (pid 0) of all that are not in scope. */
struct sweeping {
	const struct capture *c;
	pid_t pid;
	uint64_t start_ns;
};

static bool is_meant(const struct sweeping *s, uint32_t tgid, uint64_t start_ns)
{
	if (s->pid)
		return tgid == (uint32_t)s->pid && start_ns == s->start_ns;
	return !capture_in_scope(s->c, (pid_t)tgid, start_ns);
}

static bool tls_is_of(const struct bpf_map *map, const void *key, const struct sweeping *s)
{
	const struct tls_key *k = key;

	(void)map;
	return is_meant(s, k->tgid, k->start_ns);
}

/* struct go_routine of go.bpf.h, alone or as the beginning of the key. */
static bool go_is_of(const struct bpf_map *map, const void *key, const struct sweeping *s)
{
	const struct {
		uint64_t g, start_ns;
		uint32_t tgid, pad;
	} *k = key;

	(void)map;
	return is_meant(s, k->tgid, k->start_ns);
}

/* Living TCP sockets are left: another process may hold them, and TCP says when they end. */
static bool sock_is_of(const struct bpf_map *map, const void *key, const struct sweeping *s)
{
	union {
		struct sock_head head;
		char bytes[512];
	} v;
	size_t n = bpf_map__value_size(map);

	return n <= sizeof(v) && bpf_map__lookup_elem(map, key, sizeof(uint64_t), &v, n, 0) == 0 &&
	       (v.head.dead || v.head.family == AF_UNIX) &&
	       is_meant(s, v.head.owner_tgid, v.head.owner_start_ns);
}

static void sweep(const struct bpf_map *map, const struct sweeping *s,
		  bool (*is_of)(const struct bpf_map *map, const void *key,
				const struct sweeping *s))
{
	uint64_t key[4], next[4]; /* large enough for either map's */
	size_t n = bpf_map__key_size(map);
	const void *at = NULL;

	/* The map may change meanwhile: bounded, and what is missed is found by a later sweep. */
	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++) {
		int r = bpf_map__get_next_key(map, at, next, n);

		if (at && is_of(map, key, s))
			bpf_map__delete_elem(map, key, n, 0);
		if (r < 0)
			break;
		memcpy(key, next, n);
		at = key;
	}
}

static void sweep_all(struct capture *c, const struct sweeping *s)
{
	sweep(c->skel->maps.tls_conns, s, tls_is_of);
	sweep(c->skel->maps.go_calls, s, go_is_of);
	sweep(c->skel->maps.go_waiting, s, go_is_of);
	sweep(c->skel->maps.sock_conns, s, sock_is_of);
}

void capture_sweep(struct capture *c, pid_t pid, uint64_t start_ns)
{
	sweep_all(c, &(struct sweeping){ c, pid, start_ns });
}

void capture_sweep_gone(struct capture *c)
{
	sweep_all(c, &(struct sweeping){ .c = c });
}

void capture_new_engine(struct capture *c)
{
	c->skel->data->engines++;
}

void capture_count(struct capture *c, enum sonde_loss which, uint64_t n)
{
	__atomic_fetch_add(&c->shared->loss[which], n, __ATOMIC_RELAXED);
}

bool capture_has_files(const struct capture *c)
{
	return c->files;
}

size_t capture_ring_bytes(const struct capture *c)
{
	return c->ring_bytes;
}

int capture_ring_fd(const struct capture *c)
{
	return bpf_map__fd(c->skel->maps.events);
}

int capture_shared_fd(const struct capture *c)
{
	return bpf_map__fd(c->skel->maps.shared);
}

int capture_work_fd(const struct capture *c)
{
	return ring_buffer__epoll_fd(c->work);
}

int capture_work(struct capture *c, void (*fn)(void *ctx, const struct sonde_work *w), void *ctx)
{
	int r;

	c->work_fn = fn;
	c->work_ctx = ctx;
	c->work_left = WORK_AT_ONCE;
	r = ring_buffer__consume(c->work);
	c->work_fn = NULL;
	return r < 0 && r != -EAGAIN ? r : 0;
}

void capture_looks(struct capture *c, pid_t pid)
{
	const uint32_t key = (uint32_t)pid;

	bpf_map__delete_elem(c->skel->maps.mapping, &key, sizeof(key), 0);
}

void capture_files(struct capture *c, void (*fn)(void *ctx, const struct sonde_file_event *e),
		   void *ctx)
{
	if (!c->written)
		return;
	c->files_fn = fn;
	c->files_ctx = ctx;
	ring_buffer__consume(c->written);
	c->files_fn = NULL;
}

void capture_tell_forks(struct capture *c)
{
	c->skel->bss->tell_forks = true;
}

void capture_pair_by_thread(struct capture *c)
{
	c->skel->bss->pair_by_thread = true;
}

struct bpf_program *capture_program(const struct capture *c, enum capture_prog which)
{
	switch (which) {
	case CAPTURE_ENTER:
		return c->skel->progs.tls_enter;
	case CAPTURE_LEAVE:
		return c->features.sleepable ? c->skel->progs.tls_leave_sleepable
					     : c->skel->progs.tls_leave;
	case CAPTURE_FORGET:
		return c->skel->progs.tls_forget;
	case CAPTURE_BEGIN:
		return c->skel->progs.tls_begin;
	case CAPTURE_DESCRIPTOR:
		return c->skel->progs.tls_descriptor;
	case CAPTURE_SESSION:
		return c->features.session ? c->skel->progs.tls_session : NULL;
	case CAPTURE_GO_MOVED:
		return c->features.sleepable ? c->skel->progs.go_moved_sleepable
					     : c->skel->progs.go_moved;
	case CAPTURE_GO_BEGINS:
		return c->skel->progs.go_begins;
	case CAPTURE_RUSTLS_ENCRYPT:
		return c->features.sleepable ? c->skel->progs.rustls_encrypt_sleepable
					     : c->skel->progs.rustls_encrypt;
	case CAPTURE_RUSTLS_ENTER:
		return c->skel->progs.rustls_decrypt_enter;
	case CAPTURE_RUSTLS_LEAVE:
		return c->features.sleepable ? c->skel->progs.rustls_decrypt_leave_sleepable
					     : c->skel->progs.rustls_decrypt_leave;
	case CAPTURE_RUSTLS_SESSION:
		return c->features.session ? c->skel->progs.rustls_decrypt_session : NULL;
	}
	return NULL;
}

struct sonde_bpf *capture_programs(const struct capture *c)
{
	return c->skel;
}

bool capture_has_multi(const struct capture *c)
{
	return c->features.uprobe_multi;
}
