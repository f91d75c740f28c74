/* SPDX-License-Identifier: BSD-2-Clause */
/* What bpf/session.bpf.h leaves to be filled in before the programs are loaded. */
#pragma once

#include <stdbool.h>

struct bpf_object;

/* False where this kernel does not have the function as we call it: then there are no sessions. */
bool session_prepare(const struct bpf_object *object);
