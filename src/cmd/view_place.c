/* SPDX-License-Identifier: BSD-2-Clause */
/* `sonde show`: the container and the pod that a run was in. */
#include <stdio.h>

#include "base/json.h"
#include "base/util.h"
#include "cmd/view.h"
#include "cmd/views.h"

#define SHORT_ID  12 /* digits of an id that people use */
#define VALUE_MAX 65536

struct part {
	const char *before, *name, *after;
	size_t max; /* bytes that are shown; 0: all */
};

static const struct part pod[] = {
	{ "", "k8s.namespace.name", "/", 0 },
	{ "", "k8s.pod.name", "", 0 },
	{ ", deployment ", "k8s.deployment.name", "", 0 },
	{ ", stateful set ", "k8s.statefulset.name", "", 0 },
	{ ", daemon set ", "k8s.daemonset.name", "", 0 },
	{ ", job ", "k8s.job.name", "", 0 },
	{ ", cron job ", "k8s.cronjob.name", "", 0 },
	{ ", node ", "k8s.node.name", "", 0 },
};

static const struct part container[] = {
	{ "", "container.id", "", SHORT_ID },
	{ " (", "container.runtime.name", ")", 0 },
	{ ", ", "container.name", "", 0 },
	{ ", ", "k8s.container.name", "", 0 },
	{ ", image ", "container.image.name", "", 0 },
};

/* What the object does not have is left out; nothing where it has not even the first @needed. */
static void print_line(const struct screen *s, const char *title, struct slice resource,
		       const struct part *parts, size_t n, const char *needed)
{
	struct arena *mem = arena_new(VALUE_MAX);
	_cleanup_(buf_done) struct buf b = { 0 };

	for (size_t i = 0; mem && i < n; i++) {
		struct slice value = json_text(json_member(resource, slice_of(parts[i].name)), mem);

		if (value.n == 0)
			continue;
		if (parts[i].max && value.n > parts[i].max)
			value.n = parts[i].max;
		buf_add(&b, slice_of(parts[i].before), SIZE_MAX);
		text_clean(&b, value, 0);
		buf_add(&b, slice_of(parts[i].after), SIZE_MAX);
	}
	if (b.n && json_member(resource, slice_of(needed)).n)
		fprintf(s->f, "  %-7s %.*s\n", title, SLICE_ARG(buf_slice(&b)));
	arena_free(mem);
}

void place_print(const struct screen *s, const struct run *run)
{
	if (run->resource.n == 0)
		return;
	print_line(s, "pod", run->resource, pod, ARRAY_SIZE(pod), "k8s.pod.name");
	print_line(s, "in", run->resource, container, ARRAY_SIZE(container), "container.id");
}
