/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/regular.h"
#include "cmd/doctor.h"
#include "probe/finder/target.h"
#include "probe/selftest.h"
#include "probe/trust.h"

#define PROVED	   "proved on a child of its own"
#define CHEAP_US   1
#define CLASSIC_US 20
#define UNREAD_MAX 16 /* files with TLS that is not covered which are told apart */

struct patient {
	struct doctor *doctor;
	int root_fd;
	struct probe_target *target; /* of the file at hand */
	struct probe_target *best;   /* the first of its own that can be read */
	bool best_proved;
	char program[4096]; /* the first of its own that is no library */
	size_t files, own_points, other_points, unread;
	size_t hidden;	/* files that could not be opened */
	bool elsewhere; /* in a container: what paths are there is nothing to run here */
	/* The first that cannot be read: of the programs that run, of what they load. */
	char program_why[160], library_why[160];
};

/* --- one file --- */

static const char *abi_direction(const struct probe_point *p)
{
	if (probe_is_life(p->abi))
		return "life";
	return p->write ? "write" : "read";
}

static const char *prove(const struct patient *p, int fd, char why[160])
{
	struct selftest_user as = selftest_caller();
	int r;

	if (strstr(p->target->points[0].evidence, "self-tested"))
		return PROVED;
	if (p->doctor->quick)
		return "not proved (--quick)";
	if (p->elsewhere)
		return "not proved, its files are not loaded here";
	r = selftest_target(p->target, fd, &as, why);
	if (r > 0)
		return PROVED;
	if (r == 0)
		return "refuted: the classic places would be used";
	return "not proved, by structure alone";
}

static void point_json(struct json_writer *w, const struct probe_point *p)
{
	json_begin(w, '{');
	json_key(w, "function");
	json_put_str(w, slice_of(p->function));
	json_key(w, "direction");
	json_put_str(w, slice_of(abi_direction(p)));
	json_key(w, "offset");
	json_put_int(w, (int64_t)p->entry);
	if (p->exit) {
		json_key(w, "exit_offset");
		json_put_int(w, (int64_t)p->exit);
	}
	json_key(w, "instruction");
	json_put_str(w, slice_of(p->insn));
	json_key(w, "cost");
	json_put_str(w, p->cost == PROBE_CHEAP ? SLICE("cheap") : SLICE("classic"));
	json_key(w, "cost_us");
	json_put_int(w, p->cost == PROBE_CHEAP ? CHEAP_US : CLASSIC_US);
	json_key(w, "evidence");
	json_put_str(w, slice_of(p->evidence));
	json_end(w, '}');
}

/* Those of a file for another machine are told as well. */
static size_t points_of(const struct probe_target *t)
{
	return t->n_points + t->n_foreign;
}

static void file_json(const struct probe_target *t, const char *why, const char *proof,
		      const char *proof_why)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	struct json_writer w = { .out = &line };
	const struct {
		const char *key, *value;
	} members[] = {
		{ "file", t->path },	     { "why", why },
		{ "library", t->library },   { "version", t->version },
		{ "build_id", t->build_id }, { "machine", t->machine },
		{ "proof", proof },	     { "proof_reason", proof_why },
		{ "reason", t->reason },
	};

	json_begin(&w, '{');
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!members[i].value || !members[i].value[0])
			continue;
		json_key(&w, members[i].key);
		json_put_str(&w, slice_of(members[i].value));
	}
	json_key(&w, "capturable");
	json_put_bool(&w, t->n_points > 0);
	json_key(&w, "points");
	json_begin(&w, '[');
	for (size_t i = 0; i < points_of(t); i++)
		point_json(&w, &t->points[i]);
	json_end(&w, ']');
	json_end(&w, '}');
	printf("%.*s\n", SLICE_ARG(buf_slice(&line)));
}

static void print_clean(const char *before, const char *text, const char *after)
{
	_cleanup_(buf_done) struct buf clean = { 0 };

	text_clean(&clean, slice_of(text), 0);
	printf("%s%.*s%s", before, SLICE_ARG(buf_slice(&clean)), after);
}

static void file_text(const struct doctor *d, const struct probe_target *t, const char *why,
		      const char *proof, const char *proof_why)
{
	print_clean(screen_style(&d->screen, STYLE_BOLD), t->path,
		    screen_style(&d->screen, STYLE_PLAIN));
	printf("  (%s)\n", why);
	printf("      %s %s", t->library, t->version[0] ? t->version : "(version not known)");
	printf(", build id %s\n", t->build_id[0] ? t->build_id : "none");
	for (size_t i = 0; i < points_of(t); i++) {
		const struct probe_point *p = &t->points[i];
		char at[64];

		if (p->exit)
			snprintf(at, sizeof(at), "0x%" PRIx64 ", exit 0x%" PRIx64, p->entry,
				 p->exit);
		else
			snprintf(at, sizeof(at), "0x%" PRIx64, p->entry);
		printf("      %-5s %-20s %-24s %-22s %s, about %d us a call\n", abi_direction(p),
		       p->function, at, p->insn, p->cost == PROBE_CHEAP ? "cheap" : "classic",
		       p->cost == PROBE_CHEAP ? CHEAP_US : CLASSIC_US);
		printf("            found by: %s\n", p->evidence);
	}
	printf("      %s%s%s\n", proof, proof_why[0] ? ": " : "", proof_why);
}

static bool is_own(const char *why)
{
	return strncmp(why, DISCOVER_PERHAPS, strlen(DISCOVER_PERHAPS)) != 0;
}

/* What is only perhaps used gets a line; `sonde doctor` on it says more. */
static void file_line(const struct probe_target *t, const char *why)
{
	bool classic = false;

	for (size_t i = 0; i < t->n_points; i++)
		classic |= t->points[i].cost == PROBE_CLASSIC;
	print_clean("", t->path, "");
	printf("  (%s)\n      %s %s: will be read, %s\n", why, t->library, t->version,
	       classic ? "some calls at the classic cost" : "cheaply");
}

static void tell_points(struct patient *p, int fd, const char *why)
{
	char proof_why[160] = "";
	const char *proof;

	if (!p->doctor->json && !is_own(why)) {
		file_line(p->target, why);
		return;
	}
	proof = prove(p, fd, proof_why);
	if (is_own(why) && !p->best->n_points) {
		*p->best = *p->target;
		p->best_proved = strcmp(proof, PROVED) == 0;
	}
	if (p->doctor->brief)
		return;
	if (p->doctor->json)
		file_json(p->target, why, proof, proof_why);
	else
		file_text(p->doctor, p->target, why, proof, proof_why);
}

/* Whether something is said of TLS in the file, not just that there is none. */
static bool is_known_tls(const struct probe_target *t)
{
	return t->n_foreign > 0 || strstr(t->reason, "not covered") != NULL;
}

static void tell_unread(struct patient *p, const char *why)
{
	const struct probe_target *t = p->target;
	char *first = strstr(t->path, ".so") ? p->library_why : p->program_why;

	if (is_own(why) && !first[0])
		snprintf(first, sizeof(p->program_why), "%s", t->reason);
	if (p->unread++ >= UNREAD_MAX || p->doctor->brief)
		return;
	if (p->doctor->json) {
		file_json(t, why, NULL, NULL);
	} else if (is_own(why) && t->n_foreign > 0) {
		file_text(p->doctor, t, why, t->reason, "");
	} else if (is_own(why)) {
		print_clean("", t->path, "");
		printf("  (%s)\n      %s\n", why, t->reason);
	}
}

static void look_at(struct patient *p, int fd, const char *path, const char *why)
{
	const struct selftest_user as = selftest_caller();
	/* Those that the program may only start are many: in passing, and without a proof. */
	const bool proof = !p->doctor->quick && !p->elsewhere && (is_own(why) || p->doctor->json);
	int r;

	if (p->doctor->brief && !is_own(why))
		return;
	r = cache_examine(p->doctor->cache, fd, path, proof ? &as : NULL, p->target);
	p->files++;
	if (r < 0)
		return; /* not an ELF file, or not one for this machine */
	if (is_own(why) && !p->program[0] && !strstr(path, ".so"))
		snprintf(p->program, sizeof(p->program), "%s", path);
	if (r > 0) {
		*(is_own(why) ? &p->own_points : &p->other_points) += 1;
		tell_points(p, fd, why);
	} else if (is_known_tls(p->target)) {
		tell_unread(p, why);
	}
}

/* --- all of them --- */

static int on_path(void *ctx, const char *path, const char *why)
{
	struct patient *p = ctx;
	_cleanup_(closep) int fd = regular_open(path);

	if (fd < 0)
		p->hidden++;
	else
		look_at(p, fd, path, why);
	return 0;
}

static int on_mapping(void *ctx, int fd, const char *path)
{
	look_at(ctx, fd, path, "mapped by the process");
	return 0;
}

static void conclude(const struct patient *p, const char *name)
{
	struct doctor *d = p->doctor;
	char text[512];

	if (d->brief)
		return;
	if (p->own_points > 0 && p->program_why[0])
		doctor_say(d, FINDING_WARN, "TLS", "some of it is read, but not all",
			   p->program_why);
	else if (p->own_points > 0)
		doctor_say(d, FINDING_OK, "TLS", "will be read", NULL);
	else if (p->program_why[0] || p->library_why[0])
		doctor_say(d, FINDING_FAIL, "TLS", "cannot be read",
			   p->program_why[0] ? p->program_why : p->library_why);
	else if (p->other_points > 0)
		doctor_say(
			d, FINDING_OK, "TLS",
			"none in the program itself; OpenSSL that it loads or starts will be read",
			NULL);
	else
		doctor_say(d, FINDING_FAIL, "TLS", "no library that sonde can read was found",
			   "plain HTTP would be seen all the same");
	snprintf(text, sizeof(text), "%zu files of %s%s", p->files, name,
		 p->hidden ? "; some could not be opened" : "");
	doctor_say(d, FINDING_NOTE, "looked at", text,
		   p->hidden ? "run it with sudo to see all" : NULL);
}

static int begin(struct patient *p)
{
	p->target = calloc(1, sizeof(*p->target));
	p->best = calloc(1, sizeof(*p->best));
	return p->target && p->best ? 0 : log_errno(-ENOMEM, "doctor");
}

static void end(const struct patient *p, const char *name, const struct agent_identity *agent)
{
	const char *why = p->program_why[0]   ? p->program_why
			  : p->library_why[0] ? p->library_why
			  : p->own_points     ? NULL
					      : "no TLS library that sonde can read was found";
	const struct doctor_verdict v = { .name = name,
					  .program = p->program,
					  .agent = *agent,
					  .target = p->best->n_points ? p->best : NULL,
					  .proved = p->best_proved,
					  .reason =
						  p->own_points && !p->program_why[0] ? NULL : why,
					  .hidden = p->hidden > 0 };

	conclude(p, name);
	doctor_verdict(p->doctor, &v);
}

static void patient_done(struct patient *p)
{
	free(p->target);
	free(p->best);
}

int doctor_process(struct doctor *d, int pid)
{
	_cleanup_(patient_done) struct patient p = { .doctor = d };
	char name[32], argv[DOCTOR_ARGV_MAX], exe[DOCTOR_ARGV_MAX];
	struct agent_identity agent = { 0 };
	int r = begin(&p);

	if (r < 0)
		return r;
	p.elsewhere = !trust_process(pid);
	r = discover_process(pid, on_mapping, &p);
	p.hidden += r == -ENOSPC;
	if (r < 0 && r != -ENOSPC)
		return log_errno(r, "cannot look at process %d%s", pid,
				 r == -EACCES ? " (run it with sudo)" : "");
	snprintf(name, sizeof(name), "process %d", pid);
	if (!doctor_agent(pid, &agent, argv, exe))
		agent = (struct agent_identity){ 0 };
	end(&p, name, &agent);
	return 0;
}

int doctor_program(struct doctor *d, const char *name)
{
	_cleanup_(closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(freep) char *cwd = getcwd(NULL, 0);
	const char *const argv[] = { name, NULL };
	_cleanup_(patient_done) struct patient p = { .doctor = d, .root_fd = root };
	struct agent_identity agent = { 0 };
	char path[4096];
	int r;

	if (!doctor_find(name, path, sizeof(path)))
		return log_errno(-ENOENT, "no program '%s'", name);
	r = begin(&p);
	if (r < 0)
		return r;
	r = discover_command(root, name, argv, (const char *const *)environ, cwd, on_path, &p);
	if (r < 0)
		return log_errno(r, "cannot look for what '%s' uses", name);
	if (!agent_of_program(slice_of(path), slice_of(name), &agent))
		agent = (struct agent_identity){ 0 };
	end(&p, name, &agent);
	return 0;
}
