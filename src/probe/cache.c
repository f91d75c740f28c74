/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sums are not cryptographic: nobody but root can write here, and what of a user's file goes
 * into one is seeded with what the user does not know. OpenSSL must not be used in this process
 * anyway: the copy that a self-test's child loads would stumble over what ours left in the thread.
 */
#include "probe/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"
#include "probe/elf/elf.h"

#define MAGIC	       "sonde-1"
#define PART_BYTES     64	 /* around each probe */
#define HEAD_BYTES     4096	 /* of the file: its headers */
#define YOUNG_NS       100000000 /* times of change have the grain of a clock tick */
#define WORTH_IT_NS    2000000	 /* to remember that there is nothing in a file */
#define NAME_SIZE      40
#define CACHE_SEEN_MAX (2 * (size_t)CACHE_ENTRIES_MAX)

struct file_id {
	uint64_t dev, inode, size;
	int64_t modified_s, modified_ns, changed_s, changed_ns;
};

/* An entry as it lies on the disk; this build alone reads it. */
struct entry {
	char magic[8];
	XXH64_hash_t builder;	/* the sonde that made it */
	XXH128_hash_t checksum; /* of all that follows */
	struct file_id file;
	uint64_t seed;
	XXH128_hash_t parts; /* of the file: its head and what lies where the probes go */
	uint32_t proved;
	int32_t result; /* as target_examine() */
	struct probe_target target;
};

struct cache {
	int dir;
	XXH64_hash_t builder;
	size_t hits;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool identify(int fd, struct file_id *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret = (struct file_id){ .dev = st.st_dev,
				 .inode = st.st_ino,
				 .size = (uint64_t)st.st_size,
				 .modified_s = st.st_mtim.tv_sec,
				 .modified_ns = st.st_mtim.tv_nsec,
				 .changed_s = st.st_ctim.tv_sec,
				 .changed_ns = st.st_ctim.tv_nsec };
	return true;
}

/* --- the folder --- */

/* Nobody but root can put anything into it, or something else in its place. */
static bool is_ours(int fd, mode_t forbidden)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	       (!(st.st_mode & forbidden) || (st.st_mode & S_ISVTX && forbidden != 0077));
}

static int open_dir(const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	const char *slash = strrchr(path, '/');
	_cleanup_(closep) int parent = -1;
	char above[4096];
	int fd;

	if (!slash || slash[1] == 0 || (size_t)(slash - path) + 2 > sizeof(above))
		return -EINVAL;
	snprintf(above, sizeof(above), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	parent = open(above, flags);
	if (parent < 0)
		return -errno;
	if (!is_ours(parent, 0022))
		return -EPERM;
	if (mkdirat(parent, slash + 1, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, slash + 1, flags | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (is_ours(fd, 0077))
		return fd;
	close(fd);
	return -EPERM;
}

/* Entries are read by the build that wrote them: finders change, and so does the format. */
static XXH64_hash_t find_builder(void)
{
	_cleanup_(closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct {
		char version[32], build_id[ELF_BUILD_ID_SIZE];
		struct file_id file;
	} who;
	struct elf_file e;

	memset(&who, 0, sizeof(who));
	snprintf(who.version, sizeof(who.version), "%s", SONDE_VERSION);
	if (fd >= 0 && elf_open(fd, &e) == 0)
		elf_build_id(&e, who.build_id);
	if (fd >= 0 && !who.build_id[0])
		identify(fd, &who.file);
	return XXH3_64bits(&who, sizeof(who));
}

struct cache *cache_open(const char *dir)
{
	struct cache *c;
	int fd;

	if (!dir)
		dir = getenv("SONDE_CACHE");
	if (!dir)
		dir = CACHE_DIR;
	if (geteuid() != 0 || strcmp(dir, "off") == 0)
		return NULL;
	fd = open_dir(dir);
	if (fd < 0) {
		log_debug("'%s' is not used: %s", dir, strerrordesc_np(-fd));
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return NULL;
	}
	c->dir = fd;
	c->builder = find_builder();
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	close(c->dir);
	free(c);
}

int cache_dir(const struct cache *c)
{
	return c ? c->dir : -1;
}

size_t cache_hits(const struct cache *c)
{
	return c ? c->hits : 0;
}

/* --- which file --- */

static void add_part(XXH3_state_t *h, int fd, uint64_t at, size_t n)
{
	char bytes[HEAD_BYTES];
	ssize_t got = pread(fd, bytes, n, (off_t)at);

	XXH3_128bits_update(h, &at, sizeof(at));
	XXH3_128bits_update(h, bytes, got > 0 ? (size_t)got : 0);
}

/*
 * A writable mapping can change a file without a new time of change, and a file system of a user's
 * own can tell any time: what counts is looked at.
 */
static bool hash_parts(int fd, const struct probe_target *t, uint64_t seed, XXH128_hash_t *ret)
{
	XXH3_state_t *h = XXH3_createState();

	if (!h)
		return false;
	XXH3_128bits_reset_withSeed(h, seed);
	add_part(h, fd, 0, HEAD_BYTES);
	for (size_t i = 0; i < t->n_points; i++) {
		add_part(h, fd, t->points[i].entry, PART_BYTES);
		add_part(h, fd, t->points[i].exit, PART_BYTES);
	}
	*ret = XXH3_128bits_digest(h);
	XXH3_freeState(h);
	return true;
}

/* One entry for each inode: a changed file takes the place of what it was. */
static void name_entry(const struct file_id *f, char ret[NAME_SIZE])
{
	snprintf(ret, NAME_SIZE, "%" PRIx64 "-%" PRIx64, f->dev, f->inode);
}

static XXH128_hash_t checksum(const struct entry *e)
{
	return XXH3_128bits(&e->file, sizeof(*e) - offsetof(struct entry, file));
}

/* --- reading --- */

static bool read_entry(const struct cache *c, const char *name, struct entry *ret)
{
	_cleanup_(closep) int fd =
		openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
	       st.st_nlink == 1 && !(st.st_mode & 0077) && st.st_size == sizeof(*ret) &&
	       pread(fd, ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret);
}

static bool is_valid(const struct cache *c, const struct entry *e, const struct file_id *file)
{
	return memcmp(e->magic, MAGIC, sizeof(e->magic)) == 0 && e->builder == c->builder &&
	       XXH128_isEqual(e->checksum, checksum(e)) &&
	       memcmp(&e->file, file, sizeof(*file)) == 0 &&
	       e->target.n_points <= TARGET_POINTS_MAX && e->result == (e->target.n_points > 0);
}

static bool is_same_file(const struct entry *e, int fd)
{
	char build_id[ELF_BUILD_ID_SIZE] = "";
	struct elf_file elf;
	XXH128_hash_t parts;

	if (!hash_parts(fd, &e->target, e->seed, &parts) || !XXH128_isEqual(parts, e->parts) ||
	    elf_open(fd, &elf) < 0)
		return false;
	elf_build_id(&elf, build_id);
	return strcmp(build_id, e->target.build_id) == 0;
}

static bool recall(const struct cache *c, int fd, const struct file_id *file, struct entry *ret)
{
	char name[NAME_SIZE];

	name_entry(file, name);
	return read_entry(c, name, ret) && is_valid(c, ret, file) && is_same_file(ret, fd);
}

/* --- writing --- */

/* Makes room for one more: the entry that was written first goes. */
static void make_room(const struct cache *c)
{
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	char oldest[256] = "";
	time_t when = 0;
	size_t n = 0;

	if (!dir) {
		closep(&fd);
		return;
	}
	while (n <= CACHE_SEEN_MAX && (e = readdir(dir))) {
		struct stat st;

		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!oldest[0] || st.st_mtime < when) {
			snprintf(oldest, sizeof(oldest), "%s", e->d_name);
			when = st.st_mtime;
		}
		n++;
	}
	if (n >= CACHE_ENTRIES_MAX)
		unlinkat(fd, oldest, 0);
	closedir(dir);
}

/* A file that is there whole or not at all. */
static void write_entry(const struct cache *c, const char *name, const struct entry *e)
{
	_cleanup_(closep) int fd = -1;
	char new_name[32];

	snprintf(new_name, sizeof(new_name), ".new-%d", (int)getpid());
	unlinkat(c->dir, new_name, 0); /* of a process that died in the midst */
	fd = openat(c->dir, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, e, sizeof(*e)) != (ssize_t)sizeof(*e) ||
	    renameat(c->dir, new_name, c->dir, name) < 0)
		unlinkat(c->dir, new_name, 0);
}

static bool is_young(const struct file_id *f)
{
	const uint64_t changed = (uint64_t)f->changed_s * 1000000000u + (uint64_t)f->changed_ns;

	return now_ns() < changed + YOUNG_NS;
}

static void remember(const struct cache *c, int fd, const struct file_id *file, struct entry *e)
{
	struct file_id now;
	char name[NAME_SIZE];

	/* Who writes to it while it is examined gets no entry. */
	if (is_young(file) || getrandom(&e->seed, sizeof(e->seed), 0) != sizeof(e->seed) ||
	    !hash_parts(fd, &e->target, e->seed, &e->parts) || !identify(fd, &now) ||
	    memcmp(&now, file, sizeof(now)) != 0)
		return;
	memcpy(e->magic, MAGIC, sizeof(e->magic));
	e->builder = c->builder;
	e->file = *file;
	memset(e->target.path, 0, sizeof(e->target.path));
	e->checksum = checksum(e);
	name_entry(file, name);
	make_room(c);
	write_entry(c, name, e);
}

/* --- asking --- */

/* From nothing: what @e holds may be rubbish. */
static int find_out(int fd, const char *path, struct entry *e)
{
	memset(e, 0, sizeof(*e));
	return target_examine(fd, path, &e->target);
}

static int examine(struct cache *c, int fd, const char *path, const struct selftest_user *prove,
		   const struct file_id *file, struct entry *e, struct probe_target *ret)
{
	const uint64_t begin = now_ns();
	const bool known = recall(c, fd, file, e);
	bool learnt = false;
	int r;

	if (!known)
		e->result = find_out(fd, path, e);
	r = e->result;
	if (r < 0)
		return r;
	c->hits += known;
	snprintf(e->target.path, sizeof(e->target.path), "%s", path);
	*ret = e->target;
	if (!known)
		learnt = r > 0 || ret->library[0] || now_ns() - begin > WORTH_IT_NS;
	if (r > 0 && prove && !e->proved && selftest_prove(fd, prove, ret) > 0) {
		e->target = *ret;
		e->proved = learnt = true;
	}
	if (learnt)
		remember(c, fd, file, e);
	return ret->n_points > 0;
}

int cache_examine(struct cache *c, int fd, const char *path, const struct selftest_user *prove,
		  struct probe_target *ret)
{
	_cleanup_(freep) struct entry *e = c ? calloc(1, sizeof(*e)) : NULL;
	struct file_id file;

	if (e && identify(fd, &file))
		return examine(c, fd, path, prove, &file, e, ret);
	return prove ? selftest_examine(fd, path, prove, ret) : target_examine(fd, path, ret);
}

bool cache_knows(const struct cache *c, int fd)
{
	_cleanup_(freep) struct entry *e = c ? calloc(1, sizeof(*e)) : NULL;
	struct file_id file;

	return e && identify(fd, &file) && recall(c, fd, &file, e);
}
