// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/json.h"
#include "base/util.h"
#include "probe/privileges.h"
#include "probe/prober_state.h"
#include "probe/tracefs.h"
#include "sonde/control.h"

#define ARGS_MAX 8192

__attribute__((format(printf, 2, 3))) static void warn(struct prober *p, const char *fmt, ...)
{
	va_list ap;

	if (p->n_warnings == PROBER_WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&p->warnings[p->n_warnings], fmt, ap) >= 0)
		p->n_warnings++;
	va_end(ap);
}
/* --- start --- */

/* @held: nothing of it is to be read before SONDE_CONTROL_GO. */
static int send_ring(struct prober *p, bool held)
{
	const int fds[] = { capture_ring_fd(p->capture), capture_shared_fd(p->capture) };
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"ring\",\"bytes\":%zu%s}",
		 capture_ring_bytes(p->capture), held ? ",\"held\":true" : "");
	return ipc_send(p->engine_fd, slice_of(text), fds, ARRAY_SIZE(fds));
}

/* An array of strings as execve() takes one; the strings stay in the JSON. */
static const char **string_array(const cJSON *array)
{
	const char **ret = calloc(ARGS_MAX + 1, sizeof(*ret));
	const cJSON *item;
	size_t n = 0;

	if (!ret)
		return NULL;
	cJSON_ArrayForEach (item, array) {
		if (cJSON_IsString(item) && n < ARGS_MAX)
			ret[n++] = item->valuestring;
	}
	return ret;
}

static const char *text_of(const cJSON *j, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, name));

	return s ? s : "";
}

static int prepare_files(struct prober *p, const cJSON *start)
{
	const char **argv = string_array(json_at(start, "argv"));
	const char **env = string_array(json_at(start, "env"));
	const struct command_line c = { .path = text_of(start, "path"),
					.cwd = text_of(start, "cwd"),
					.argv = argv,
					.env = env };
	int r = -ENOMEM;

	if (argv && env)
		r = files_prepare(&p->files, p->root, &c);
	free(argv);
	free(env);
	return r;
}

static int load(struct prober *p, const struct capture_wanted *wanted)
{
	_cleanup_(closep) int tracefs = -1;
	size_t missing;
	int r = features_probe(&p->features);

	if (r < 0)
		return r;
	if (features_refusal(&p->features, p->refusal, sizeof(p->refusal)))
		return -EPERM;
	r = capture_new(&p->features, wanted, &p->capture, p->refusal, sizeof(p->refusal));
	if (r < 0)
		return r;
	tracefs = tracefs_open();
	r = capture_attach(p->capture, tracefs, &missing);
	if (r < 0) {
		snprintf(p->refusal, sizeof(p->refusal), "cannot follow processes: %s",
			 strerrordesc_np(-r));
		return r;
	}
	if (!p->features.tracefs || !p->features.task_pt_regs)
		warn(p, "plain HTTP and files are not seen: %s",
		     p->features.tracefs ? "this kernel is older than 5.15"
					 : "tracefs cannot be opened");
	else if (missing)
		warn(p, "%zu kinds of system call are not seen on this kernel", missing);
	if (wanted->files && p->features.tracefs && p->features.task_pt_regs &&
	    !capture_has_files(p->capture))
		warn(p, "what is done with files is not seen: this kernel refuses the probes");
	return 0;
}

/* What comes before all other events. */
static void introduce(struct prober *p, const cJSON *config)
{
	report_host(p->outbox);
	p->clock_offset = report_clock(p->outbox);
	report_config(p->outbox, config);
}

/* A command that is held and will run. */
static int begin_command(struct prober *p, const cJSON *start)
{
	int r;

	p->root.tgid = (pid_t)json_int(start, "pid");
	if (!privileges_may_trace(p->launcher_fd, p->root.tgid)) {
		snprintf(p->refusal, sizeof(p->refusal), "process %d is not yours to trace",
			 p->root.tgid);
		return -EPERM;
	}
	p->root.start_ns = capture_start_of(p->capture, p->root.tgid);
	if (!p->root.start_ns) {
		snprintf(p->refusal, sizeof(p->refusal), "the command's process has gone");
		return -ESRCH;
	}
	report_scope(p->outbox, p->root, json_at(start, "scope"));
	r = capture_scope_add(p->capture, p->root.tgid, p->root.start_ns, 1, false);
	if (r < 0)
		return r;
	capture_outside_input(p->capture, p->root.tgid);
	if (prepare_files(p, start) < 0)
		warn(p, "the command's files could not be searched for TLS beforehand");
	return 0;
}

/* Processes that run already. */
static int begin_join(struct prober *p, const cJSON *start, int *cgroup_fd)
{
	const struct join_config c = { .capture = p->capture,
				       .files = &p->files,
				       .outbox = p->outbox,
				       .launcher_fd = p->launcher_fd,
				       .scope = json_at(start, "scope") };
	int r = join_new(&c, &p->join);

	if (r == 0)
		r = join_begin(p->join, json_at(start, "join"), cgroup_fd, p->refusal,
			       sizeof(p->refusal));
	if (r == 0 && join_refused(p->join))
		warn(p, "%zu process(es) of other users are left out", join_refused(p->join));
	return r;
}

static void keep_config(struct prober *p, const cJSON *config)
{
	cJSON_Delete(p->config);
	p->config = cJSON_Duplicate(config, true);
}

/* Whatever a daemon's rules let in, now and later. */
static int begin_rules(struct prober *p, const cJSON *start)
{
	const struct rules_config c = { .capture = p->capture,
					.files = &p->files,
					.outbox = p->outbox,
					.launcher_fd = p->launcher_fd,
					.scope = json_at(start, "scope") };
	int r = rules_new(&c, &p->rules);

	keep_config(p, json_at(start, "config"));
	if (r == 0)
		r = acts_new(p->capture, p->outbox, p->launcher_fd, &p->acts);
	if (r == 0)
		r = rules_begin(p->rules, json_at(start, "watch"), p->refusal, sizeof(p->refusal));
	return r;
}

/* Its root folder; ours where none is meant. */
static int root_of(pid_t pid)
{
	char path[64] = "/";

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/root", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Whether the content of what is written belongs into the store. */
static bool keeps_artifacts(const cJSON *start)
{
	return slice_eq(json_str(start, "config.content"), SLICE("full")) &&
	       !cJSON_IsFalse(json_at(start, "config.content_tools")) &&
	       !cJSON_IsFalse(json_at(start, "files"));
}

static int begin_artifacts(struct prober *p, const cJSON *start)
{
	if (!keeps_artifacts(start) || !capture_has_files(p->capture))
		return 0;
	return artifacts_new(p->outbox, root_of(p->root.tgid), &p->artifacts);
}

static int begin(struct prober *p, const cJSON *start, int *cgroup_fd)
{
	const int64_t ring_bytes = json_int(start, "ring_bytes");
	const struct capture_wanted wanted = {
		.ring_bytes = ring_bytes > 0 ? (size_t)ring_bytes : SONDE_RING_DEFAULT_BYTES,
		.files = !cJSON_IsFalse(json_at(start, "files")),
		.copies = keeps_artifacts(start),
		.watch = json_at(start, "watch") != NULL,
	};
	int r = load(p, &wanted);

	if (r < 0)
		return r;
	r = outbox_new(p->engine_fd, &p->outbox);
	if (r == 0)
		r = attachments_new(p->capture, &p->attachments);
	if (r == 0)
		r = send_ring(p, false);
	if (r < 0)
		return r;
	p->files = (struct files){ .attachments = p->attachments,
				   .capture = p->capture,
				   .outbox = p->outbox,
				   .cache = cache_open(NULL),
				   .user = privileges_user(p->launcher_fd) };
	introduce(p, json_at(start, "config"));
	if (json_at(start, "watch"))
		r = begin_rules(p, start);
	else
		r = json_at(start, "join") ? begin_join(p, start, cgroup_fd)
					   : begin_command(p, start);
	if (r == 0)
		r = begin_artifacts(p, start);
	if (r < 0)
		return r;
	if (p->files.failed)
		warn(p, "probes could not be put on %zu file(s): see `sonde doctor`",
		     p->files.failed);
	return privileges_drop(!p->features.uprobe_multi, p->acts != NULL);
}

/* What is installed from now on. */
static void begin_watch(struct prober *p, const cJSON *start)
{
	const char **env = string_array(json_at(start, "env"));

	p->watch = watch_new(&p->files, p->root, root_of(p->root.tgid), env);
	free(env);
}

/* Takes over what it keeps of @fds. */
void prober_start(struct prober *p, const cJSON *message, int *fds)
{
	int r;

	if (p->capture || fds[0] < 0) /* twice, or without an engine */
		return;
	p->engine_fd = TAKE_FD(fds[0]);
	r = begin(p, message, &fds[1]);
	if (r == 0) {
		prober_say_ready(p);
		begin_watch(p, message);
		return;
	}
	if (!p->refusal[0] && r == -EPIPE)
		snprintf(p->refusal, sizeof(p->refusal),
			 p->rules ? "the engine died before anything was traced"
				  : "the engine died before the command ran; nothing was run");
	else if (!p->refusal[0])
		snprintf(p->refusal, sizeof(p->refusal),
			 "tracing could not be set up: %s; nothing was run", strerrordesc_np(-r));
	prober_say_error(p, p->refusal);
	p->ended = true;
}

/* --- what changes later, of a daemon --- */

void prober_change(struct prober *p, const cJSON *message)
{
	const cJSON *watch = json_at(message, "watch"), *config = json_at(message, "config");
	char why[512] = "";
	int r;

	if (!p->rules)
		return;
	if (config) {
		keep_config(p, config);
		report_config(p->outbox, config);
	}
	r = watch ? rules_change(p->rules, watch, why, sizeof(why)) : 0;
	if (r < 0)
		prober_say_error(p, why[0] ? why : strerrordesc_np(-r));
}

void prober_leave(struct prober *p, const cJSON *message)
{
	const struct slice container = json_str(message, "container");

	if (p->rules && container.n)
		rules_leave_container(p->rules, container);
	else if (p->rules)
		rules_leave(p->rules, (pid_t)json_int(message, "pid"),
			    (uint64_t)json_int(message, "start_ns"));
}

/*
 * It is told what the one before was told. The ring waits until it has heard that: what is in there
 * is about processes that it must know first.
 */
void prober_engine(struct prober *p, int *fd)
{
	if (!p->rules || *fd < 0)
		return;
	closep(&p->engine_fd);
	p->engine_fd = TAKE_FD(*fd);
	outbox_connect(p->outbox, p->engine_fd);
	if (send_ring(p, true) < 0)
		return; /* it has gone already: that is seen as any end is */
	capture_new_engine(p->capture);
	introduce(p, p->config);
	rules_tell(p->rules);
	outbox_repeat(p->outbox);
	outbox_send(p->outbox, SLICE(SONDE_CONTROL_GO));
}
