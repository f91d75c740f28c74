/* SPDX-License-Identifier: BSD-2-Clause */
/* The sections of a run's page. Each writes its heading and what is below, or nothing. */
#pragma once

#include "export/export.h"
#include "export/steps.h"

struct html_page {
	const struct export_job *job;
	FILE *f;
	struct id128 run_id;
};

/* The steps as a tree to be unfolded. 0 or -errno. */
int html_steps(struct html_page *p);
/* What was said, each message once. */
int html_chat(struct html_page *p);
/* Commands, files, connections. */
int html_system(struct html_page *p);
