/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a function does what a TLS library's function of that name does: the proof on the code
 * itself that comes after it was recognised by what it refers to.
 */
#pragma once

#include "probe/elf/insn.h"

/*
 * Hands its object (argument 0), and its buffer and length (1 and 2) behind something of its own,
 * to another function: SSL_write of BoringSSL and AWS-LC, where that is write_app_data(ssl,
 * &needs_handshake, ...) of the protocol's table, or directly where the linker saw that it can be
 * no other.
 */
bool shape_passes_on(const struct insn_graph *g);

/* Calls @target with its own first @n arguments in place. */
bool shape_calls(const struct insn_graph *g, uint64_t target, size_t n);

/*
 * Fills its buffer (argument 1) by a call that gets it first, memcpy(), and then moves on what it
 * has copied from: stores both a pointer and the length beside it. SSL_read does both, SSL_peek
 * only the first.
 */
bool shape_fills_buffer(const struct insn_graph *g);
bool shape_consumes(const struct insn_graph *g);
/* Moves on after a call of @target with its own three arguments: SSL_read that calls SSL_peek. */
bool shape_consumes_after(const struct insn_graph *g, uint64_t target);

/*
 * What a constructor calls first to undo an object that it has made and gives up: the object's
 * destructor. The constructor has passed the object to a function of a table before, and passes
 * it on only to what frees its memory afterwards. 0 where that is not one function.
 */
uint64_t shape_destructor(const struct insn_graph *constructor);

/*
 * Where OpenSSL's function that moves bytes gets the address of the length from: it hands its
 * object, buffer and length to a function of the protocol's table, and that address behind them.
 * The number of its own argument that it is (3: _ex; 4: _ex2 and internal ones since 3.3), 0 for
 * something of its own on the stack (SSL_write), or -ENOENT where there is no such call or two
 * that do not agree.
 */
int shape_length_argument(const struct insn_graph *g);
