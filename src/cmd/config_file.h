/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration that holds for every command that reads traffic. */
#pragma once

#include "config/config.h"

/*
 * What @option (--config), else $SONDE_CONFIG, else sonde/sonde.conf in the user's folder of
 * configuration, else /etc/sonde/sonde.conf says; without any file an empty one. 0, or -errno; has
 * said why on stderr, with the line.
 */
int config_load(const char *option, struct config **ret);
