/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a command could not be run, and what to type instead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "cmd/launch.h"

/* Words that a shell knows and that are no programs (those that are both are found first). */
static bool is_shell_word(const char *name)
{
	static const char *const words[] = {
		".",	   "alias", "bg",    "bind",   "builtin", "case",   "cd",     "command",
		"dirs",	   "eval",  "exec",  "exit",   "export",  "fg",	    "for",    "function",
		"hash",	   "if",    "jobs",  "let",    "local",	  "logout", "popd",   "pushd",
		"read",	   "set",   "shopt", "source", "trap",	  "type",   "ulimit", "umask",
		"unalias", "unset", "wait",  "while",  "nvm",	  "conda",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

static const char *shell_name(const struct person *p)
{
	const char *shell = getenv("SHELL"), *slash;

	if (p->through_sudo || !shell)
		shell = p->shell;
	slash = strrchr(shell, '/');
	return slash ? slash + 1 : *shell ? shell : "sh";
}

void command_explain(const char *name, int error, const struct person *p)
{
	const char *shell = shell_name(p);

	if (error == ELIBACC) {
		log_err("cannot run '%s': its interpreter does not exist", name);
		return;
	}
	if (error != ENOENT) {
		log_err("cannot run '%s': %s", name, strerrordesc_np(error));
		return;
	}
	if (strchr(name, '/')) {
		log_err("'%s' does not exist", name);
		return;
	}
	if (is_shell_word(name)) {
		log_err("'%s' is a shell's own word and no program: sonde run -- %s -ic "
			"'%s ...'",
			name, shell, name);
		return;
	}
	if (p->through_sudo) {
		log_err("'%s' was not found: sudo replaces PATH by its own "
			"(secure_path).\n"
			"  Run sonde without sudo, it starts sudo itself where it needs root:\n"
			"    sonde run -- %s ...\n"
			"  or hand your PATH through:\n"
			"    sudo env PATH=\"$PATH\" sonde run -- %s ...",
			name, name, name);
		return;
	}
	log_err("'%s' was not found in PATH; if it is an alias or a shell function:\n"
		"    sonde run -- %s -ic '%s ...'",
		name, shell, name);
}
