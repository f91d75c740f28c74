/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/observed/observed.h"

#include "trace/observed/file.h"
#include "trace/observed/network.h"

void observed_tick(struct run_state *r)
{
	file_tick(r);
	network_tick(r);
}

void observed_owner_ended(struct run_state *r, const struct id64 *owner)
{
	file_owner_ended(r, owner);
	network_owner_ended(r, owner);
}

void observed_tool_opened(struct tool_state *tool)
{
	file_tool_opened(tool);
}

void observed_program_moved(const struct proc_state *ps)
{
	file_program_moved(ps);
	network_program_moved(ps);
}

void observed_finish_all(struct run_state *r)
{
	file_finish_all(r);
	network_finish_all(r);
}

void observed_free_all(struct run_state *r)
{
	file_free_all(r);
	network_free_all(r);
}
