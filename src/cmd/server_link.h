/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's line to the supervisor: what peers ask for that only the prober can do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Before anything is asked: the descriptor (ipc.h); it is kept from programs that are started. */
void server_link_open(int fd);
bool server_link_is_open(void);

/* Both as struct api_config (api/server.h) has them; from any thread. */
int server_link_leave(void *ctx, uint32_t pid, uint64_t start_ns);
int server_link_stop(void *ctx, uint32_t uid, uint32_t pid, uint64_t start_ns);
