/* SPDX-License-Identifier: BSD-2-Clause */
/* What the code of rustls' functions says of the layout of what it is given. */
#pragma once

#include "probe/elf/insn.h"

/* What a record has beside its text: nonce, tag, type. Tells the cipher's kind. */
enum rustls_overhead {
	RUSTLS_TLS13 = 17,
	RUSTLS_TLS12_GCM = 24,
	RUSTLS_TLS12_CHACHA = 16,
};

/* How a version hands messages over. */
enum rustls_form {
	RUSTLS_NONE,
	/*
	 * 0.23. encrypt(&mut self, OutboundPlainMessage, seq): { chunks or 0, .., length or start,
	 * .., end }, the type at 0x20. decrypt(&mut self, InboundOpaqueMessage, seq): { address,
	 * length }, the type at 0x10.
	 */
	RUSTLS_BORROWED,
	/*
	 * 0.21 and 0.22. encrypt(&self, BorrowedPlainMessage, seq): { address, length }, the type
	 * at 0x10. decrypt(&self, OpaqueMessage, seq): a Vec, and the type behind it.
	 */
	RUSTLS_OWNED,
};

/* In which form the function is an encrypt(), by what it reads of its third argument. */
enum rustls_form rustls_encrypt_form(const struct insn_graph *g);
/* Whether the function has the number @n somewhere: what a record is longer than its text. */
bool rustls_adds(const struct insn_graph *g, int64_t n);

/*
 * Whether it is a decrypt() in this form: it compares the length with what a record has at least;
 * TLS 1.2 reads the type as well, @ret_type says where.
 */
bool rustls_is_decrypt(const struct insn_graph *g, enum rustls_form form,
		       enum rustls_overhead overhead, uint8_t *ret_type);
