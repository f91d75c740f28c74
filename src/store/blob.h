/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content as it is kept: compressed one by one. Messages are small and look alike, so a dictionary
 * of what they all contain goes before each.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/slice.h"

/* The largest that is kept or believed. */
#define BLOB_MAX (256u << 20)

/* How bytes are kept; the numbers are in the store, so a dictionary never changes. */
enum blob_codec { BLOB_PLAIN = 0, BLOB_ZSTD = 1, BLOB_ZSTD_DICT_1 = 2 };

struct blob_coder;

int blob_coder_new(struct blob_coder **ret); /* 0 or -ENOMEM */
void blob_coder_free(struct blob_coder *c);
DEFINE_CLEANUP(struct blob_coder *, blob_coder_free)

/* @ret is lent until the next call, or @in itself. 0, -E2BIG or -ENOMEM. */
int blob_pack(struct blob_coder *c, struct slice in, struct slice *ret, enum blob_codec *ret_codec);
/* Appends @size bytes to @ret. 0, -EBADMSG where they are not that, -ENOMEM. */
int blob_unpack(struct blob_coder *c, enum blob_codec codec, struct slice in, size_t size,
		struct buf *ret);
