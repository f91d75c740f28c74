/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "trace/state.h"

/* Gives the span of a tool call to the sink; @final: it has ended. */
void tool_emit(struct tool_state *tool, bool final);
