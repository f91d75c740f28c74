/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/ipc.h"
#include "probe/outbox.h"

static struct outbox *new_outbox(int fds[2])
{
	struct outbox *o;

	assert_int_equal(ipc_pair(fds), 0);
	assert_int_equal(outbox_new(fds[0], &o), 0);
	return o;
}

static void outbox_sends_in_order(void **state)
{
	char buf[IPC_MAX];
	int fds[2], got[IPC_FDS_MAX];
	struct outbox *o = new_outbox(fds);

	(void)state;
	assert_int_equal(outbox_send(o, SLICE("one")), 0);
	assert_int_equal(outbox_send(o, SLICE("two")), 0);
	assert_int_equal(ipc_recv(fds[1], buf, got), 3);
	assert_memory_equal(buf, "one", 3);
	assert_int_equal(ipc_recv(fds[1], buf, got), 3);
	assert_memory_equal(buf, "two", 3);
	assert_false(outbox_waiting(o));
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

/* The reader does nothing: the queue fills to its bound, later messages are counted, earlier ones
 * stay. */
static void outbox_is_bounded_and_counts(void **state)
{
	static char message[IPC_MAX];
	char buf[IPC_MAX];
	int fds[2], got[IPC_FDS_MAX];
	struct outbox *o = new_outbox(fds);
	uint64_t sent = 0, received = 0;

	(void)state;
	while (outbox_send(o, (struct slice){ message, sizeof(message) }) == 0) {
		sent++;
		assert_true(sent * sizeof(message) < 2 * OUTBOX_MAX);
		memcpy(message, &sent, sizeof(sent));
	}
	assert_true(sent * sizeof(message) >= OUTBOX_MAX - sizeof(message));
	assert_int_equal(outbox_dropped(o), 1);
	while (outbox_flush(o) == -EAGAIN || received < sent) {
		uint64_t number;

		assert_int_equal(ipc_recv(fds[1], buf, got), sizeof(message));
		memcpy(&number, buf, sizeof(number));
		assert_int_equal(number, received);
		received++;
	}
	assert_int_equal(received, sent);
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

static void outbox_refuses_what_no_message_can_hold(void **state)
{
	static char message[IPC_MAX + 1];
	int fds[2];
	struct outbox *o = new_outbox(fds);

	(void)state;
	assert_int_equal(outbox_send(o, (struct slice){ message, sizeof(message) }), -ENOBUFS);
	assert_int_equal(outbox_dropped(o), 1);
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

static void outbox_says_that_the_peer_has_gone(void **state)
{
	int fds[2];
	struct outbox *o = new_outbox(fds);

	(void)state;
	close(fds[1]);
	outbox_send(o, SLICE("lost"));
	assert_true(outbox_flush(o) < 0 && outbox_flush(o) != -EAGAIN);
	outbox_free(o);
	close(fds[0]);
}

/* What waited for the last reader is its alone; what was kept is told again. */
static void outbox_takes_another_reader(void **state)
{
	char buf[IPC_MAX];
	int fds[2], next[2], got[IPC_FDS_MAX];
	struct outbox *o = new_outbox(fds);

	(void)state;
	assert_int_equal(outbox_keep(o, SLICE("kept")), 0);
	assert_int_equal(ipc_recv(fds[1], buf, got), 4);
	outbox_connect(o, -1);
	assert_int_equal(outbox_send(o, SLICE("nobody")), 0);
	assert_int_equal(outbox_keep(o, SLICE("too")), 0);
	assert_false(outbox_waiting(o));
	assert_int_equal(outbox_dropped(o), 0);
	assert_int_equal(ipc_pair(next), 0);
	outbox_connect(o, next[0]);
	outbox_repeat(o);
	assert_int_equal(ipc_recv(next[1], buf, got), 4);
	assert_memory_equal(buf, "kept", 4);
	assert_int_equal(ipc_recv(next[1], buf, got), 3);
	assert_int_equal(ipc_recv(next[1], buf, got), -EAGAIN);
	outbox_free(o);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(next[i]);
	}
}

static void outbox_survives_refused_memory(void **state)
{
	int fds[2];
	struct outbox *o = new_outbox(fds);

	(void)state;
	alloc_refuse(1);
	assert_int_equal(outbox_send(o, SLICE("x")), -ENOBUFS);
	assert_true(alloc_allow());
	assert_int_equal(outbox_dropped(o), 1);
	assert_int_equal(outbox_send(o, SLICE("y")), 0);
	outbox_free(o);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outbox_sends_in_order),
		cmocka_unit_test(outbox_is_bounded_and_counts),
		cmocka_unit_test(outbox_refuses_what_no_message_can_hold),
		cmocka_unit_test(outbox_says_that_the_peer_has_gone),
		cmocka_unit_test(outbox_takes_another_reader),
		cmocka_unit_test(outbox_survives_refused_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
