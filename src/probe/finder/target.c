/* SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "probe/elf/insn.h"
#include "probe/finder/finder.h"

/* In order. A file may carry several: which of them its traffic takes is not known from outside. */
static const struct tls_finder *const finders[] = {
	&finder_gnutls, /* before OpenSSL, whose functions it has in a library */
	&finder_openssl, &finder_boringssl, &finder_openssl_static, &finder_nss,
	&finder_go,	 &finder_rustls,    &finder_known,
};

#if defined(__aarch64__)
#define HOST EM_AARCH64
#else
#define HOST EM_X86_64
#endif

/* Appends to a name: "rustls" and "openssl" are "rustls+openssl". */
static void append(char *to, size_t size, const char *what)
{
	size_t n = strlen(to);

	if (what[0])
		snprintf(to + n, size - n, "%s%s", n ? "+" : "", what);
}

/* False where there is no room. */
static bool add(struct probe_target *t, const struct probe_target *one)
{
	if (one->n_points > TARGET_POINTS_MAX - t->n_points)
		return false;
	for (size_t i = 0; i < one->n_points; i++) {
		t->points[t->n_points] = one->points[i];
		t->points[t->n_points++].source = one->source;
	}
	append(t->library, sizeof(t->library), one->library);
	append(t->version, sizeof(t->version), one->version);
	return true;
}

/* What a finder has to say of a file that it cannot probe: the first that says it is heard. */
static void note_unread(struct probe_target *unread, const struct probe_target *one)
{
	if (!unread->reason[0])
		memcpy(unread->reason, one->reason, sizeof(one->reason));
	if (unread->library[0])
		return;
	memcpy(unread->library, one->library, sizeof(one->library));
	memcpy(unread->version, one->version, sizeof(one->version));
}

/* Asks everybody who may know something of the file. */
static int ask(const struct elf_file *e, bool classic, struct probe_target *t)
{
	struct probe_target unread = *t, one;

	for (size_t i = 0; i < ARRAY_SIZE(finders); i++) {
		bool said;
		int r;

		if (t->n_points > 0 && finders[i] == &finder_known)
			break;
		one = unread;
		one.library[0] = one.version[0] = one.reason[0] = 0;
		r = finders[i]->find(e, classic, &one);
		if (r < 0)
			return r;
		if (r == 0)
			note_unread(&unread, &one);
		said = r > 0 || one.reason[0];
		if ((r > 0 && !add(t, &one)) || (said && finders[i]->alone))
			break;
	}
	if (t->n_points == 0)
		*t = unread;
	return 0;
}

static void make_foreign(const struct elf_file *e, struct probe_target *t)
{
	const struct isa *isa = isa_of(e->machine);

	snprintf(t->machine, sizeof(t->machine), "%s", isa ? isa->name : "unknown");
	if (t->n_points == 0)
		return;
	t->n_foreign = t->n_points;
	t->n_points = 0;
	snprintf(t->reason, sizeof(t->reason), "%s for another processor than this machine's: %s",
		 t->library, t->machine);
}

static int examine(int fd, const char *path, bool classic, struct probe_target *ret)
{
	struct probe_target t = { .path = "" };
	struct elf_file e;
	struct stat st;
	int r;

	r = elf_open(fd, &e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	snprintf(t.path, sizeof(t.path), "%s", path);
	t.dev = st.st_dev;
	t.inode = st.st_ino;
	elf_build_id(&e, t.build_id);
	r = ask(&e, classic, &t);
	if (r < 0)
		return r;
	if (e.machine != HOST)
		make_foreign(&e, &t);
	if (t.n_points == 0 && !t.reason[0])
		snprintf(t.reason, sizeof(t.reason), "no TLS library inside that sonde knows");
	*ret = t;
	return t.n_points > 0;
}

int target_examine(int fd, const char *path, struct probe_target *ret)
{
	return examine(fd, path, false, ret);
}

int target_examine_classic(int fd, const char *path, struct probe_target *ret)
{
	return examine(fd, path, true, ret);
}
