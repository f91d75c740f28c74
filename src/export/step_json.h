/* SPDX-License-Identifier: BSD-2-Clause */
/* A step of the tree as the API gives it: what a view shows of it, flat. */
#pragma once

#include "base/json.h"
#include "export/steps.h"

void step_json(struct json_writer *w, const struct step *st);
