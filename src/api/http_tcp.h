/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening on TCP: "127.0.0.1:7780", "[::1]:7780", ":7780" (everywhere); port 0: the kernel's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A listening descriptor, or -errno: -EINVAL where @address is none. */
int tcp_listen(const char *address);
/* Whether it can only be reached from this machine. */
bool tcp_is_loopback(int fd);
uint16_t tcp_port(int fd);
/* How it stands in a URL, without the port: "127.0.0.1", "[::1]". An address that means all of them
 * is given as that of loopback. 0 or -errno. */
int tcp_host(int fd, char *ret, size_t size);
