/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libraries without symbols are recognised by, as data: the texts and error numbers that are
 * part of their interfaces. signatures.json is built in; a file of the same form at
 * SIGNATURES_FILE replaces it as a whole, if only root could have written it. Addresses are never
 * data: they follow from the code, and the code must have the right shape whatever the data says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define SIGNATURES_FILE	    "/etc/sonde/finders.json"
#define SIGNATURES_FILE_MAX (64u << 10)
#define SIGNATURES_CODES    8
#define SIGNATURES_NAME	    48

/* Each that is followed by its internal one stands before that. */
enum signature_function {
	SIGNATURE_WRITE,
	SIGNATURE_WRITE_INTERNAL,
	SIGNATURE_READ,
	SIGNATURE_READ_INTERNAL,
	SIGNATURE_NEW,
	SIGNATURE_CLEAR,
	SIGNATURES_FUNCTIONS,
};

/* The error numbers that a function reports: @all, one of @any, and none of @none. */
struct signature_codes {
	uint16_t all[SIGNATURES_CODES], any[SIGNATURES_CODES], none[SIGNATURES_CODES];
	uint8_t n_all, n_any, n_none;
};

struct signatures {
	struct {
		char file[SIGNATURES_NAME]; /* the end of the source file's name in error reports */
		int64_t library;	    /* its number there */
		struct signature_codes write, read_impl, read, create, handshake;
	} boringssl;
	/* OpenSSL's functions in error reports: by name since 3.0, by number before. */
	char openssl3[SIGNATURES_FUNCTIONS][SIGNATURES_NAME];
	struct {
		char file[SIGNATURES_NAME];
		int64_t library;
		int64_t number[SIGNATURES_FUNCTIONS];
	} openssl1;
};

/* 0, or -EBADMSG: @ret is untouched. */
int signatures_parse(struct slice json, struct signatures *ret);
/* 0; -ENOENT; -EPERM where others could have written it; -EFBIG, -EBADMSG, -errno. */
int signatures_load(const char *path, struct signatures *ret);
struct slice signatures_builtin(void);
/* Those in force, read once: SIGNATURES_FILE or the built-in ones. */
const struct signatures *signatures(void);
