/* SPDX-License-Identifier: BSD-2-Clause */
/* What people of this machine may run. */
#pragma once

#include "probe/files.h"

/*
 * Puts probes on agents and runtimes in the places where installers put them below each home, so
 * that the first request of a program that nobody has run yet is seen. Takes seconds at most: what
 * is not reached is found when it runs, and known the next time. @p: whose root it is.
 */
void discover_host(struct files *f, struct report_process p);
