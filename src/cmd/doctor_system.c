/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "base/util.h"
#include "cmd/doctor.h"
#include "cmd/remote.h"
#include "cmd/remote_http.h"
#include "probe/features.h"
#include "probe/privileges.h"

/* Root in a container, or of a unit that was hardened, may lack some. */
static void say_powers(struct doctor *d)
{
	for (size_t i = 0; i < privileges_n; i++) {
		char text[256];

		if (privilege_is_there(&privileges[i]))
			continue;
		snprintf(text, sizeof(text), "missing: without it %s seen", privileges[i].loss);
		doctor_say(d, FINDING_WARN, privileges[i].name, text,
			   "give it in the container's securityContext or the unit's "
			   "CapabilityBoundingSet");
	}
}

static void say_kernel(struct doctor *d, const struct features *f)
{
	char refusal[256];

	doctor_say(d, FINDING_OK, "kernel", f->release, NULL);
	doctor_say(d, f->privileged ? FINDING_OK : FINDING_FAIL, "privileges",
		   f->privileged ? "may load BPF programs and attach probes"
				 : "may not load BPF programs or attach probes",
		   f->privileged ? NULL : "run it with sudo, or give CAP_BPF and CAP_PERFMON");
	doctor_say(d, f->btf ? FINDING_OK : FINDING_FAIL, "BTF",
		   f->btf ? "/sys/kernel/btf/vmlinux" : "/sys/kernel/btf/vmlinux is missing",
		   f->btf ? NULL : "needs a kernel built with CONFIG_DEBUG_INFO_BTF");
	if (f->privileged)
		say_powers(d);
	if (strcmp(f->lockdown, "confidentiality") == 0)
		doctor_say(d, FINDING_FAIL, "lockdown", f->lockdown,
			   "forbids BPF to read memory: boot with lockdown=integrity or none");
	else
		doctor_say(d, FINDING_OK, "lockdown", f->lockdown[0] ? f->lockdown : "not built in",
			   NULL);
	if (f->privileged && f->bpf_error)
		doctor_say(
			d, FINDING_FAIL, "bpf", strerrordesc_np(f->bpf_error),
			"a container or security policy forbids the bpf system call: run outside "
			"of it");
	if (f->privileged && !d->failed && features_refusal(f, refusal, sizeof(refusal)))
		doctor_say(d, FINDING_FAIL, "tracing", refusal, NULL);
}

static void say_paranoid(struct doctor *d, const struct features *f)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", f->perf_event_paranoid);
	if (f->perf_event_paranoid > 2 && !f->privileged)
		doctor_say(d, FINDING_WARN, "perf_event_paranoid", text,
			   "only root may use perf events here");
	else
		doctor_say(d, FINDING_OK, "perf_event_paranoid", text, NULL);
}

/* What is not there has a replacement that costs something. */
static void say_features(struct doctor *d, const struct features *f)
{
	const struct {
		const char *name;
		bool there;
		enum finding without;
		const char *meaning;
	} features[] = {
		{ "ring buffer", f->ring_buffer, FINDING_FAIL, "needs Linux 5.8" },
		{ "task_pt_regs", f->task_pt_regs, FINDING_WARN,
		  "plain HTTP on sockets and files are not seen (needs Linux 5.15)" },
		{ "bpf_loop", f->bpf_loop, FINDING_WARN,
		  "the largest writes are cut (needs Linux 5.17)" },
		{ "uprobe_multi", f->uprobe_multi, FINDING_WARN,
		  "probes are attached one by one: slower to start and stop (needs Linux 6.6)" },
		{ "uprobe session", f->session, FINDING_WARN,
		  "processes that are not traced pay for return probes (needs Linux 6.13)" },
		{ "sleepable uprobes", f->sleepable, FINDING_WARN,
		  "data on pages not yet loaded is lost and counted (needs Linux 6.0)" },
		{ "tracefs", f->tracefs, FINDING_WARN,
		  "plain HTTP on sockets and files are not seen: mount it at /sys/kernel/tracing, "
		  "or "
		  "give CAP_SYS_ADMIN" },
	};

	if (f->bpf_error) {
		doctor_say(d, FINDING_NOTE, "kernel features",
			   "could not be tried without privileges", "run it with sudo to see them");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		doctor_say(d, features[i].there ? FINDING_OK : features[i].without,
			   features[i].name, features[i].there ? "yes" : "no",
			   features[i].there ? NULL : features[i].meaning);
}

static void say_tools(struct doctor *d)
{
	static const char *const agents[] = { "claude", "codex",   "opencode", "gemini", "qwen",
					      "pi",	"copilot", "cline",    "kilo",	 "amp" };
	char path[4096];
	bool any = false;

	if (doctor_find("sudo", path, sizeof(path)))
		doctor_say(d, FINDING_OK, "sudo", path, NULL);
	else if (geteuid() != 0)
		doctor_say(d, FINDING_WARN, "sudo", "not found",
			   "without it `sonde run` must be started as root");
	for (size_t i = 0; i < ARRAY_SIZE(agents); i++) {
		char advice[64];

		if (!doctor_find(agents[i], path, sizeof(path)))
			continue;
		any = true;
		snprintf(advice, sizeof(advice), "sonde doctor %s says how it would be read",
			 agents[i]);
		doctor_say(d, FINDING_OK, "agent", path, advice);
	}
	if (!any)
		doctor_say(d, FINDING_NOTE, "agents", "none of those known by name is on PATH",
			   "any program can be traced");
}

/* Beside it a run is traced by one sonde only. */
static void say_daemon(struct doctor *d)
{
	const char *socket = remote_socket();
	const int fd = unix_connect(socket, 0);

	if (fd >= 0) {
		close(fd);
		doctor_say(d, FINDING_OK, "daemon", socket, "sonde status says how it is doing");
	} else if (fd == -EACCES) {
		doctor_say(d, FINDING_WARN, "daemon", socket, "you may not ask it");
	} else {
		doctor_say(d, FINDING_NOTE, "daemon", "none runs here", NULL);
	}
}

void doctor_system(struct doctor *d)
{
	struct features f;
	int r = features_probe(&f);

	if (r < 0) {
		doctor_say(d, FINDING_FAIL, "kernel", strerrordesc_np(-r), NULL);
		return;
	}
	say_kernel(d, &f);
	say_paranoid(d, &f);
	say_features(d, &f);
	say_daemon(d);
	say_tools(d);
}
