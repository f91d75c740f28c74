/* SPDX-License-Identifier: BSD-2-Clause */
/* One TLS library: how it is recognised in a file, and what of it is probed. */
#pragma once

#include "probe/elf/elf.h"
#include "probe/finder/target.h"

struct tls_finder {
	const char *name;
	bool alone; /* who has this in this form has nothing else: no need to look for more */
	/*
	 * @classic: only places that need no understanding of the code.
	 * 1: points, library and version are filled in; 0: not in this file (or @ret->reason says
	 * why it is there and cannot be probed); -errno.
	 */
	int (*find)(const struct elf_file *e, bool classic, struct probe_target *ret);
};

extern const struct tls_finder finder_openssl;
extern const struct tls_finder finder_gnutls;
extern const struct tls_finder finder_nss;
extern const struct tls_finder finder_go;
extern const struct tls_finder finder_rustls;
extern const struct tls_finder finder_boringssl;
extern const struct tls_finder finder_openssl_static;
/* Never finds points: names what is known not to be covered. */
extern const struct tls_finder finder_known;
