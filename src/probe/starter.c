// SPDX-License-Identifier: BSD-2-Clause
#include "probe/starter.h"

#include <string.h>

#include "base/util.h"
#include "probe/describe.h"

#define KTHREADD 2

/* As the kernel cuts names: 15 bytes. */
static const char *const starters[] = {
	/* the first process, and what manages services */
	"systemd",
	"(sd-pam)",
	"init",
	"systemd-executo",
	"dumb-init",
	"tini",
	"s6-svscan",
	"s6-supervise",
	"runsvdir",
	"runsv",
	"supervisord",
	"launchd",
	"openrc-run",
	/* logins and schedules */
	"sshd",
	"sshd-session",
	"sshd-auth",
	"dropbear",
	"login",
	"getty",
	"agetty",
	"cron",
	"crond",
	"anacron",
	"atd",
	"xinetd",
	"in.telnetd",
	/* terminals */
	"tmux: server",
	"screen",
	"SCREEN",
	"zellij",
	"gnome-terminal-",
	"konsole",
	"xterm",
	"kitty",
	"alacritty",
	"wezterm-gui",
	"gnome-shell",
	"plasmashell",
	"dbus-daemon",
	"dbus-broker",
	"dbus-broker-lau",
	/* containers */
	"containerd-shim",
	"containerd",
	"dockerd",
	"conmon",
	"crio",
	"kubelet",
	"runc",
	"crun",
	"podman",
	"systemd-nspawn",
	"lxc-start",
	/* jobs */
	"gitlab-runner",
	"Runner.Listener",
	"buildkite-agent",
	"act_runner",
	"slurmd",
	"slurmstepd",
};

static const char *const shells[] = { "sh",  "bash", "dash", "zsh",  "fish", "ksh",  "mksh",
				      "ash", "tcsh", "csh",  "pwsh", "nu",   "xonsh" };

static bool is_one_of(struct slice name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(name, slice_of(list[i])))
			return true;
	return false;
}

bool starter_is(const struct starter_facts *f)
{
	if (f->pid == 1 || f->pid == KTHREADD || f->parent == KTHREADD || f->parent == 0)
		return true;
	if (is_one_of(f->comm, starters, ARRAY_SIZE(starters)))
		return true;
	/* Where somebody types: what a script runs belongs together. */
	return is_one_of(f->comm, shells, ARRAY_SIZE(shells)) &&
	       (f->leads_session || slice_starts(f->arg0, SLICE("-")));
}

bool starter_runs(pid_t pid)
{
	struct describe_stat s;
	char arg0[64];

	if (describe_stat(pid, &s) < 0)
		return false;
	describe_file(pid, "cmdline", arg0, sizeof(arg0));
	return starter_is(&(struct starter_facts){ .pid = pid,
						   .parent = s.parent,
						   .comm = slice_of(s.comm),
						   .arg0 = slice_of(arg0),
						   .leads_session = s.tty && s.session == pid });
}
