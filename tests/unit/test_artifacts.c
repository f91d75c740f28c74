/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ipc.h"
#include "probe/artifacts.h"

#define BEGAN 1000000000ull
#define DUE   (BEGAN + 250000000)

/* A queue whose events come out at fds[1], and a folder. */
struct world {
	struct outbox *outbox;
	struct artifacts *artifacts;
	int fds[2];
	char dir[64];
};

static void begin(struct world *w)
{
	snprintf(w->dir, sizeof(w->dir), "/tmp/sonde-artifacts-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(ipc_pair(w->fds), 0);
	assert_int_equal(outbox_new(w->fds[0], &w->outbox), 0);
	assert_int_equal(artifacts_new(w->outbox, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
				       &w->artifacts),
			 0);
}

static void end(struct world *w)
{
	char command[128];

	artifacts_free(w->artifacts);
	outbox_free(w->outbox);
	close(w->fds[0]);
	close(w->fds[1]);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
}

static const char *path_in(const struct world *w, const char *name)
{
	static char paths[2][128];
	static int turn;

	turn = !turn;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", w->dir, name);
	return paths[turn];
}

static void make_file(const struct world *w, const char *name, const char *text, size_t n)
{
	FILE *f = fopen(path_in(w, name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

/* What the kernel says of a file; @ino 0: as it is now. */
static void see(struct world *w, uint32_t op, const char *name, const char *name2, uint64_t ino)
{
	_Alignas(8) char bytes[sizeof(struct sonde_file_event) + 512] = { 0 };
	struct sonde_file_event *e = (void *)bytes;
	struct stat st = { 0 };

	lstat(path_in(w, name), &st);
	*e = (struct sonde_file_event){
		.hdr = { .ts_ns = BEGAN, .start_ns = 7, .tgid = (uint32_t)getpid() },
		.op = op,
		.dev = st.st_dev,
		.ino = ino ? ino : st.st_ino,
		.size = (uint64_t)st.st_size,
	};
	e->path_len = (uint16_t)(1 + snprintf(e->text, 256, "%s", path_in(w, name)));
	if (name2)
		e->path2_len = (uint16_t)(1 + snprintf(e->text + e->path_len, 256, "%s",
						       path_in(w, name2)));
	artifacts_see(w->artifacts, e);
}

static void written(struct world *w, const char *name)
{
	see(w, SONDE_FILE_WRITTEN, name, NULL, 0);
}

/* The next event; NULL: none. */
static const struct sonde_artifact_event *next(struct world *w)
{
	static _Alignas(8) char text[IPC_MAX];
	int fds[IPC_FDS_MAX];
	const ssize_t n = ipc_recv(w->fds[1], text, fds);

	return n > 0 ? (const void *)text : NULL;
}

static const struct sonde_artifact_event *expect(struct world *w, enum sonde_artifact_state state,
						 const char *name)
{
	const struct sonde_artifact_event *e = next(w);

	assert_non_null(e);
	assert_string_equal(e->text, path_in(w, name));
	assert_int_equal(e->state, state);
	assert_int_equal(e->hdr.kind, SONDE_EV_ARTIFACT);
	assert_int_equal(e->hdr.tgid, getpid());
	assert_int_equal(e->hdr.start_ns, 7);
	return e;
}

static void file_is_read_when_it_has_rested(void **state)
{
	static const uint8_t sha256_of_hello[] = { 0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e };
	const struct sonde_artifact_event *e;
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "a", "hello", 5);
	written(&w, "a");
	artifacts_look(w.artifacts, BEGAN + 100000000);
	assert_null(next(&w));
	artifacts_look(w.artifacts, DUE);
	e = expect(&w, SONDE_ARTIFACT_WHOLE, "a");
	assert_int_equal(e->len, 5);
	assert_int_equal(e->size, 5);
	assert_memory_equal(e->text + e->path_len, "hello", 5);
	assert_memory_equal(e->sha256, sha256_of_hello, sizeof(sha256_of_hello));
	assert_null(next(&w));
	end(&w);
}

static void empty_file_is_whole(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "a", "", 0);
	written(&w, "a");
	artifacts_look(w.artifacts, DUE);
	assert_int_equal(expect(&w, SONDE_ARTIFACT_WHOLE, "a")->len, 0);
	assert_null(next(&w));
	end(&w);
}

static void what_is_written_often_is_read_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "a", "old", 3);
	written(&w, "a");
	make_file(&w, "a", "new text", 8);
	written(&w, "a");
	artifacts_look(w.artifacts, DUE);
	assert_int_equal(expect(&w, SONDE_ARTIFACT_WHOLE, "a")->len, 8);
	assert_null(next(&w));
	end(&w);
}

static void large_file_comes_in_pieces(void **state)
{
	const size_t n = 2 * SONDE_ARTIFACT_CHUNK + 17;
	char *text = calloc(1, n);
	uint32_t at = 0;
	struct world w;

	(void)state;
	begin(&w);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 31 >> 3);
	make_file(&w, "a", text, n);
	written(&w, "a");
	artifacts_look(w.artifacts, DUE);
	while (at < n) {
		const struct sonde_artifact_event *e = expect(&w, SONDE_ARTIFACT_WHOLE, "a");

		assert_int_equal(e->offset, at);
		assert_int_equal(e->size, n);
		assert_memory_equal(e->text + e->path_len, text + at, e->len);
		at += e->len;
	}
	assert_int_equal(at, n);
	assert_null(next(&w));
	free(text);
	end(&w);
}

static void only_the_file_that_was_written_is_read(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "secret", "not ours", 8);
	see(&w, SONDE_FILE_WRITTEN, "secret", NULL, 4711); /* another file was written there */
	make_file(&w, "big", "", 0);
	assert_int_equal(truncate(path_in(&w, "big"), SONDE_ARTIFACT_MAX + 1), 0);
	written(&w, "big");
	see(&w, SONDE_FILE_WRITTEN, "missing", NULL, 4711);
	assert_int_equal(symlink("secret", path_in(&w, "link")), 0);
	written(&w, "link");
	assert_int_equal(mkfifo(path_in(&w, "fifo"), 0600), 0);
	written(&w, "fifo");
	artifacts_look(w.artifacts, DUE);
	assert_int_equal(expect(&w, SONDE_ARTIFACT_GONE, "secret")->len, 0);
	assert_int_equal(expect(&w, SONDE_ARTIFACT_BIG, "big")->size, SONDE_ARTIFACT_MAX + 1);
	expect(&w, SONDE_ARTIFACT_GONE, "missing");
	expect(&w, SONDE_ARTIFACT_SPECIAL, "link");
	expect(&w, SONDE_ARTIFACT_SPECIAL, "fifo");
	assert_null(next(&w));
	end(&w);
}

static void renamed_file_is_read_under_its_new_name(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "b", "text before", 11);
	written(&w, "b");
	make_file(&w, "b.new", "text", 4);
	written(&w, "b.new");
	assert_int_equal(rename(path_in(&w, "b.new"), path_in(&w, "b")), 0);
	see(&w, SONDE_FILE_RENAMED, "b.new", "b", 0);
	artifacts_look(w.artifacts, DUE);
	assert_int_equal(expect(&w, SONDE_ARTIFACT_WHOLE, "b")->len, 4);
	assert_null(next(&w));
	end(&w);
}

static void removed_file_is_not_looked_for(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "a", "text", 4);
	written(&w, "a");
	see(&w, SONDE_FILE_REMOVED, "a", NULL, 0);
	artifacts_look(w.artifacts, DUE);
	assert_null(next(&w));
	end(&w);
}

static void tree_of_files_exhausts_the_budget_and_says_so(void **state)
{
	unsigned whole = 0, busy = 0;
	struct world w;

	(void)state;
	begin(&w);
	make_file(&w, "x", "text", 4);
	for (int i = 0; i < 5000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(link(path_in(&w, "x"), path_in(&w, name)), 0);
		written(&w, name);
	}
	for (int i = 0; i < 10000; i++) {
		const struct sonde_artifact_event *e;

		artifacts_look(w.artifacts, DUE);
		outbox_flush(w.outbox);
		while ((e = next(&w))) {
			whole += e->state == SONDE_ARTIFACT_WHOLE;
			busy += e->state == SONDE_ARTIFACT_BUSY;
			outbox_flush(w.outbox);
		}
	}
	assert_int_equal(whole, 1000);
	assert_int_equal(busy, 4000);
	/* It fills up again. */
	written(&w, "x");
	artifacts_look(w.artifacts, DUE + 2000000000);
	expect(&w, SONDE_ARTIFACT_WHOLE, "x");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_read_when_it_has_rested),
		cmocka_unit_test(empty_file_is_whole),
		cmocka_unit_test(what_is_written_often_is_read_once),
		cmocka_unit_test(large_file_comes_in_pieces),
		cmocka_unit_test(only_the_file_that_was_written_is_read),
		cmocka_unit_test(renamed_file_is_read_under_its_new_name),
		cmocka_unit_test(removed_file_is_not_looked_for),
		cmocka_unit_test(tree_of_files_exhausts_the_budget_and_says_so),
	};

	return cmocka_run_group_tests_name("artifacts", tests, NULL, NULL);
}
