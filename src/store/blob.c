/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

/* Only new content comes here; what is large is better fast than a tenth smaller. */
#define LEVEL	    3
#define LEVEL_LARGE 1
#define DICT_MAX    (16u << 10) /* where a dictionary still helps */
#define KEEP_MAX    (1u << 20)	/* a larger buffer is given back */

/* Never changes: it is what BLOB_ZSTD_DICT_1 means. The most frequent stands last. */
static const char dict_1[] =
	"{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\",\"description\":\"The "
	"absolute path to the file\"},\"command\":{\"type\":\"string\",\"description\":\"The "
	"command to execute\"},\"pattern\":{\"type\":\"string\"}},\"required\":[\"path\"],"
	"\"additionalProperties\":false}},{\"type\":\"function\",\"name\":\"read_file\","
	"\"description\":\"Reads a file from the local filesystem.\",\"parameters\":{"
	"\"old_string\":\"\",\"new_string\":\"\",\"file_path\":\"/home/"
	"#include <stdio.h>\\nint main(void)\\n{\\n\\treturn 0;\\n}\\n"
	"import os\\nimport sys\\nfrom typing import \\n\\ndef __init__(self):\\n    self."
	"\\n        return \\n    if not \\nfunction const export default async await "
	"error: No such file or directory\\nTraceback (most recent call last):\\n  File \\\""
	"drwxr-xr-x 2 root root 4096 \\n-rw-r--r-- 1 root root \\ntotal \\n"
	"diff --git a/ b/\\nindex \\n--- a/\\n+++ b/\\n@@ -1,4 +1,4 @@\\n"
	"Let me check the I'll now look at the file. The tests pass. You are a helpful assistant. "
	"<system-reminder>\\n</system-reminder>\\n"
	"{\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"content\":\""
	"{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\""
	"\"},{\"type\":\"text\",\"content\":\""
	"{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"call_"
	"\",\"response\":\""
	"{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"toolu_01"
	"\",\"name\":\"bash\",\"arguments\":{\"command\":\"cat \"}}]}"
	"{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"\"}]}";

struct blob_coder {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
	ZSTD_CDict *pack_dict;
	ZSTD_DDict *unpack_dict;
	char *out;
	size_t cap;
};

int blob_coder_new(struct blob_coder **ret)
{
	_cleanup_(blob_coder_freep) struct blob_coder *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->pack = ZSTD_createCCtx();
	c->unpack = ZSTD_createDCtx();
	c->pack_dict = ZSTD_createCDict(dict_1, sizeof(dict_1) - 1, LEVEL);
	c->unpack_dict = ZSTD_createDDict(dict_1, sizeof(dict_1) - 1);
	if (!c->pack || !c->unpack || !c->pack_dict || !c->unpack_dict)
		return -ENOMEM;
	*ret = TAKE(c);
	return 0;
}

void blob_coder_free(struct blob_coder *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	ZSTD_freeCDict(c->pack_dict);
	ZSTD_freeDDict(c->unpack_dict);
	free(c->out);
	free(c);
}

static int reserve(struct blob_coder *c, size_t n)
{
	if (n <= c->cap && (c->cap <= KEEP_MAX || n > KEEP_MAX))
		return 0;
	free(c->out);
	c->cap = 0;
	c->out = malloc(n);
	if (!c->out)
		return -ENOMEM;
	c->cap = n;
	return 0;
}

int blob_pack(struct blob_coder *c, struct slice in, struct slice *ret, enum blob_codec *ret_codec)
{
	bool dict = in.n <= DICT_MAX;
	size_t n;

	if (in.n > BLOB_MAX)
		return -E2BIG;
	if (reserve(c, ZSTD_compressBound(in.n)) < 0)
		return -ENOMEM;
	if (dict)
		n = ZSTD_compress_usingCDict(c->pack, c->out, c->cap, in.p, in.n, c->pack_dict);
	else
		n = ZSTD_compressCCtx(c->pack, c->out, c->cap, in.p, in.n, LEVEL_LARGE);
	if (ZSTD_isError(n))
		return -ENOMEM; /* the only thing left that can fail */
	*ret = n < in.n ? (struct slice){ c->out, n } : in;
	*ret_codec = n >= in.n ? BLOB_PLAIN : dict ? BLOB_ZSTD_DICT_1 : BLOB_ZSTD;
	return 0;
}

static int unpack_zstd(struct blob_coder *c, enum blob_codec codec, struct slice in, size_t size)
{
	unsigned long long told = ZSTD_getFrameContentSize(in.p, in.n);
	size_t n;

	if (told != size || size > BLOB_MAX || size / 40000 > in.n)
		return -EBADMSG; /* also more than zstd can make of so few bytes */
	if (reserve(c, size + 1) < 0)
		return -ENOMEM;
	if (codec == BLOB_ZSTD_DICT_1)
		n = ZSTD_decompress_usingDDict(c->unpack, c->out, size, in.p, in.n, c->unpack_dict);
	else
		n = ZSTD_decompressDCtx(c->unpack, c->out, size, in.p, in.n);
	return ZSTD_isError(n) || n != size ? -EBADMSG : 0;
}

int blob_unpack(struct blob_coder *c, enum blob_codec codec, struct slice in, size_t size,
		struct buf *ret)
{
	int r;

	switch (codec) {
	case BLOB_PLAIN:
		return in.n == size ? buf_add(ret, in, SIZE_MAX) : -EBADMSG;
	case BLOB_ZSTD:
	case BLOB_ZSTD_DICT_1:
		r = unpack_zstd(c, codec, in, size);
		return r < 0 ? r : buf_add(ret, (struct slice){ c->out, size }, SIZE_MAX);
	}
	return -EBADMSG;
}
