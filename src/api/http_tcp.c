/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/http_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BACKLOG 128

/* Host and port. */
static bool cut_address(const char *address, char *host, size_t n, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (!colon || !colon[1])
		return false;
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	*ret_port = colon + 1;
	return snprintf(host, n, "%.*s", (int)len, address) < (int)n;
}

static int find(const char *address, struct addrinfo **ret)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST,
					.ai_socktype = SOCK_STREAM };
	const char *port = NULL, *host;
	char text[256] = "";

	if (!cut_address(address, text, sizeof(text), &port))
		return -EINVAL;
	host = strcmp(text, "localhost") == 0 ? "127.0.0.1" : *text ? text : NULL;
	return getaddrinfo(host, port, &hints, ret) == 0 ? 0 : -EINVAL;
}

int tcp_listen(const char *address)
{
	_cleanup_(closep) int fd = -1;
	struct addrinfo *found = NULL;
	const int on = 1;
	int r = find(address, &found);

	if (r < 0)
		return r;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	r = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0
		    ? -errno
		    : 0;
	freeaddrinfo(found);
	return r < 0 ? r : TAKE_FD(fd);
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage space;
};

static int address_of(int fd, union address *ret)
{
	socklen_t n = sizeof(*ret);

	*ret = (union address){ 0 };
	return getsockname(fd, &ret->any, &n) < 0 ? -errno : 0;
}

bool tcp_is_loopback(int fd)
{
	union address a;

	if (address_of(fd, &a) < 0)
		return false;
	if (a.any.sa_family == AF_INET)
		return ntohl(a.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

uint16_t tcp_port(int fd)
{
	union address a;

	if (address_of(fd, &a) < 0)
		return 0;
	return ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

int tcp_host(int fd, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	union address a;
	int n, r = address_of(fd, &a);

	if (r < 0)
		return r;
	if (a.any.sa_family == AF_INET && a.v4.sin_addr.s_addr == htonl(INADDR_ANY))
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (a.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr))
		a.v6.sin6_addr = in6addr_loopback;
	if (a.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a.v4.sin_addr, text, sizeof(text));
		n = snprintf(ret, size, "%s", text);
	} else {
		inet_ntop(AF_INET6, &a.v6.sin6_addr, text, sizeof(text));
		n = snprintf(ret, size, "[%s]", text);
	}
	return n < (int)size ? 0 : -ENAMETOOLONG;
}
