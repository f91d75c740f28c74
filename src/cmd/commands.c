/* SPDX-License-Identifier: BSD-2-Clause */
/* Every command there is, in the order in which `sonde help` lists them. */
#include <string.h>

#include "base/util.h"
#include "cmd/command.h"

const struct command *const commands[] = {
	&command_run,	   &command_runs,   &command_show,   &command_spans,  &command_tools,
	&command_sessions, &command_cost,   &command_diff,   &command_export, &command_top,
	&command_tail,	   &command_stop,   &command_retry,  &command_query,  &command_replay,
	&command_import,   &command_doctor, &command_status, &command_open,   &command_serve,
	&command_token,	   &command_prices, &command_config, &command_store,  &command_daemon,
	&command_prober,   &command_server,
};
const size_t n_commands = ARRAY_SIZE(commands);

const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
