/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was told of the pods of this node, so that only what is new or has changed is told, and what
 * is gone is. Of what was told a hash is kept. Bounded in number of pods.
 */
#pragma once

#include "enrich/pod.h"

#define FACTS_PODS_MAX 1024

struct facts;

/* Gives the JSON of one CONTAINER event (sonde/event.h); 0, or the -errno that ends everything. */
typedef int (*facts_send_fn)(void *ctx, struct slice json);

int facts_new(facts_send_fn send, void *ctx, struct facts **ret);
void facts_free(struct facts *f);
/* A pod that is there. 0 or -errno of sending. -EBADMSG: it is none; -ENOSPC: there are too many.
 */
int facts_pod(struct facts *f, const cJSON *pod, const struct pod_context *c);
/* It is not there any more. 0 or -errno of sending. */
int facts_gone(struct facts *f, struct slice uid);
/* What is told between the two is all that there is: the rest is gone. */
void facts_list_begin(struct facts *f);
int facts_list_end(struct facts *f);
size_t facts_count(const struct facts *f); /* pods */
