/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for the answer to a message that bears a number: {"id":N, ...}. */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

/*
 * The answer to @id, within @ms; answers to others, which had not been waited for to their end, are
 * passed over. *ret is the caller's. 0, -ETIMEDOUT, -EPIPE where the peer has gone, -errno.
 */
int ipc_answer(int fd, int64_t id, int ms, cJSON **ret);
