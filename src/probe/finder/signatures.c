/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/finder/signatures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#define CODE_MAX 511

/* Put in place by the assembler, relative to the top of the tree, from where all is compiled. */
__asm__(".pushsection .rodata\n"
	".global signatures_text\n"
	"signatures_text:\n"
	".incbin \"src/probe/finder/signatures.json\"\n"
	"signatures_end:\n"
	".byte 0\n"
	".balign 8\n"
	".global signatures_size\n"
	"signatures_size: .quad signatures_end - signatures_text\n"
	".popsection\n");

extern const char signatures_text[];
extern const uint64_t signatures_size;

struct slice signatures_builtin(void)
{
	return (struct slice){ signatures_text, signatures_size };
}

/* --- reading --- */

static bool read_numbers(const cJSON *j, const char *name, uint16_t ret[SIGNATURES_CODES],
			 uint8_t *ret_n)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(j, name), *item;

	if (!cJSON_IsArray(list))
		return false;
	*ret_n = 0;
	cJSON_ArrayForEach (item, list) {
		if (*ret_n == SIGNATURES_CODES || !cJSON_IsNumber(item) ||
		    !(item->valuedouble >= 0 && item->valuedouble <= CODE_MAX))
			return false;
		ret[(*ret_n)++] = (uint16_t)item->valuedouble;
	}
	return true;
}

static bool read_codes(const cJSON *j, const char *name, struct signature_codes *ret)
{
	const cJSON *o = cJSON_GetObjectItemCaseSensitive(j, name);

	return read_numbers(o, "all", ret->all, &ret->n_all) && ret->n_all > 0 &&
	       read_numbers(o, "any", ret->any, &ret->n_any) &&
	       read_numbers(o, "none", ret->none, &ret->n_none);
}

static bool read_name(const cJSON *j, const char *name, char ret[SIGNATURES_NAME])
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, name));

	if (!s || strlen(s) < 4 || strlen(s) >= SIGNATURES_NAME)
		return false;
	memcpy(ret, s, strlen(s) + 1);
	return true;
}

static bool read_boringssl(const cJSON *b, struct signatures *s)
{
	s->boringssl.library = json_int(b, "library");
	return read_name(b, "file", s->boringssl.file) &&
	       read_codes(b, "write", &s->boringssl.write) &&
	       read_codes(b, "read_impl", &s->boringssl.read_impl) &&
	       read_codes(b, "read", &s->boringssl.read) &&
	       read_codes(b, "new", &s->boringssl.create) &&
	       read_codes(b, "handshake", &s->boringssl.handshake);
}

static bool read_openssl(const cJSON *three, const cJSON *one, struct signatures *s)
{
	static const char *const keys[SIGNATURES_FUNCTIONS] = {
		[SIGNATURE_WRITE] = "write", [SIGNATURE_WRITE_INTERNAL] = "write_internal",
		[SIGNATURE_READ] = "read",   [SIGNATURE_READ_INTERNAL] = "read_internal",
		[SIGNATURE_NEW] = "new",     [SIGNATURE_CLEAR] = "clear",
	};

	s->openssl1.library = json_int(one, "library");
	for (size_t i = 0; i < SIGNATURES_FUNCTIONS; i++) {
		s->openssl1.number[i] = json_int(one, keys[i]);
		if (s->openssl1.number[i] <= 0 || !read_name(three, keys[i], s->openssl3[i]))
			return false;
	}
	return read_name(one, "file", s->openssl1.file);
}

static bool read_all(const cJSON *j, struct signatures *s)
{
	return read_boringssl(cJSON_GetObjectItemCaseSensitive(j, "boringssl"), s) &&
	       read_openssl(cJSON_GetObjectItemCaseSensitive(j, "openssl3"),
			    cJSON_GetObjectItemCaseSensitive(j, "openssl1"), s);
}

int signatures_parse(struct slice json, struct signatures *ret)
{
	cJSON *j = json_parse(json);
	struct signatures s = { 0 };
	bool good = j && read_all(j, &s);

	cJSON_Delete(j);
	if (!good)
		return -EBADMSG;
	*ret = s;
	return 0;
}

/* Whether nobody but root can have written what stands in the file. */
static bool is_trusted(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

int signatures_load(const char *path, struct signatures *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[SIGNATURES_FILE_MAX];
	size_t n = 0;
	ssize_t got;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_trusted(&st))
		return -EPERM;
	while (n < sizeof(text) && (got = read(fd, text + n, sizeof(text) - n)) != 0) {
		if (got < 0)
			return -errno;
		n += (size_t)got;
	}
	if (n == sizeof(text))
		return -EFBIG;
	return signatures_parse((struct slice){ text, n }, ret);
}

const struct signatures *signatures(void)
{
	static struct signatures s;
	static bool loaded;
	int r;

	if (loaded)
		return &s;
	r = signatures_load(SIGNATURES_FILE, &s);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -EACCES)
		log_errno(r, "'%s' is not used", SIGNATURES_FILE);
	/* Fails only without memory: then nothing is recognised this time. */
	loaded = r == 0 || signatures_parse(signatures_builtin(), &s) == 0;
	return &s;
}
