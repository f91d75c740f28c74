/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sonde run`: the order in which things happen.
 *
 * The command is forked first and held, so that a program that does not exist is said before
 * anybody is asked for a password. Then the prober, the only one that keeps root; from there on the
 * launcher is the user, and so is the engine. The command goes when both are ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/ipc.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/config_event.h"
#include "cmd/config_file.h"
#include "cmd/engine.h"
#include "cmd/hand_over.h"
#include "cmd/launch.h"
#include "cmd/prices_file.h"
#include "cmd/running.h"
#include "cmd/sandbox.h"
#include "cmd/view.h"
#include "sonde/control.h"
#include "store/store.h"

static bool json, quiet, live = true, tree = true, no_store, as_root;
static bool files = true, llm_content = true, memory_content = true, tool_content = true;
static const char *output, *record, *db, *prices, *config_path;
static const char *max_time, *retry_of;
static struct running_query query;
static int content = CONTENT_FULL;
static uint64_t content_limit = 5000, media_limit = 4 << 20, ring = SONDE_RING_DEFAULT_BYTES;
static const char *const levels[] = { "off", "minimal", "standard", "full", NULL };

static const struct option_spec options[] = {
	{ "pid", 'p', OPTION_STRING, &query.pids, "PID[,PID...]",
	  "instead of a command: processes that run already, and what\nthey have started", NULL,
	  NULL },
	{ "program", 0, OPTION_STRING, &query.program, "PATTERN",
	  "the same for all that run such a program now (\"claude*\")", NULL, NULL },
	{ "container", 0, OPTION_STRING, &query.container, "NAME|ID",
	  "the same for a container: all in it, now and later", NULL, NULL },
	{ "cgroup", 0, OPTION_STRING, &query.cgroup, "PATH", "the same for a cgroup (version 2)",
	  NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL,
	  "one JSON object per span as it ends, and per run at the end", NULL, NULL },
	{ "output", 'o', OPTION_STRING, &output, "FILE", "write there instead of to stderr", NULL,
	  NULL },
	{ "quiet", 'q', OPTION_FLAG, &quiet, NULL, "say nothing but what goes wrong", NULL, NULL },
	{ "live", 0, OPTION_FLAG, &live, NULL, "no lines while it runs", NULL, NULL },
	{ "tree", 0, OPTION_FLAG, &tree, NULL, "no tree at the end", NULL, NULL },
	{ "record", 0, OPTION_STRING, &record, "FILE",
	  "keep all events for 'sonde replay'; FILE holds plaintext and is\nreadable by you alone",
	  NULL, NULL },
	{ "db", 0, OPTION_STRING, &db, "FILE", "the store to write, else $SONDE_DB, else your own",
	  NULL, NULL },
	{ "no-store", 0, OPTION_FLAG, &no_store, NULL, "store nothing", NULL, NULL },
	{ "content", 0, OPTION_CHOICE, &content, "LEVEL", "what is kept of prompts and answers",
	  levels, NULL },
	{ "content-limit", 0, OPTION_COUNT, &content_limit, "N",
	  "characters of each input and output at level standard", NULL, NULL },
	{ "media-limit", 0, OPTION_SIZE, &media_limit, "SIZE",
	  "of a picture or document that is kept at level full; 0: none is", NULL, NULL },
	{ "llm-content", 0, OPTION_FLAG, &llm_content, NULL, "nothing of model calls", NULL, NULL },
	{ "memory-content", 0, OPTION_FLAG, &memory_content, NULL, "nothing of memory calls", NULL,
	  NULL },
	{ "tool-content", 0, OPTION_FLAG, &tool_content, NULL,
	  "nothing of tool arguments and results", NULL, NULL },
	{ "files", 0, OPTION_FLAG, &files, NULL, "do not look at what is done with files", NULL,
	  NULL },
	{ "config", 0, OPTION_STRING, &config_path, "FILE", "see 'sonde config --help'", NULL,
	  NULL },
	{ "prices", 0, OPTION_STRING, &prices, "FILE", "prices that win over the built-in ones",
	  NULL, NULL },
	{ "max-time", 0, OPTION_STRING, &max_time, "TIME",
	  "a run that takes longer (90s, 30m, 2h) is marked as timed out; it\ngoes on", NULL,
	  NULL },
	{ "retry-of", 0, OPTION_STRING, &retry_of, "ID",
	  "the run that this is another go at, by its whole id; 'sonde retry'\nsays so", NULL,
	  NULL },
	{ "ring", 0, OPTION_SIZE, &ring, "SIZE", "of the buffer between kernel and engine", NULL,
	  NULL },
	{ "as-root", 0, OPTION_FLAG, &as_root, NULL, "under sudo: run the command as root", NULL,
	  NULL },
	{ 0 },
};

static int write_config(const struct price_table *table, const struct config *own, struct buf *ret)
{
	const struct config_event e = {
		.content = (enum content_level)content,
		.content_limit = content_limit,
		.media_limit = media_limit,
		.llm_content = llm_content,
		.memory_content = memory_content,
		.tool_content = tool_content,
	};

	return config_event_write(&e, table, own, ret);
}

/* Everything of a run that the launcher opens as the user. */
struct files {
	FILE *out;
	char *db_path;
	struct price_table *prices;
	struct config *own;
	struct buf config; /* the prober's */
};

static void files_done(struct files *f)
{
	if (f->out)
		fclose(f->out);
	free(f->db_path);
	price_free(f->prices);
	config_free(f->own);
	buf_done(&f->config);
}

static int files_open(struct files *f)
{
	int fd, r;

	/* The engine's own buffer; stderr itself has none. */
	fd = output ? open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
		    : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 && output)
		return log_errno(-errno, "cannot write '%s'", output);
	f->out = fd < 0 ? fopen("/dev/null", "we") : fdopen(fd, "w"); /* stderr may be closed */
	if (!f->out)
		return log_errno(-errno, "cannot write its output");
	if (!no_store && store_find(db, false, &f->db_path) < 0) {
		log_err("no home directory to keep a store in; --db names one, "
			"--no-store does without");
		return -ENOENT;
	}
	r = config_load(config_path, &f->own);
	if (r == 0)
		r = prices_load(prices, &f->prices); /* both have said why */
	if (r < 0)
		return r;
	if (max_time && !config_duration(slice_of(max_time), &f->own->max_run_time_s)) {
		log_err("run: '--max-time' takes a time such as 90s, 30m or 2h, not '%s'",
			max_time);
		return -EINVAL;
	}
	return write_config(f->prices, f->own, &f->config);
}

/* --- the engine's process --- */

static void engine_is_ready(void *ctx)
{
	const int *fd = ctx;

	if (write(*fd, "", 1) != 1)
		_exit(SONDE_EXIT_FAILURE); /* nobody waits for us any more */
	close(*fd);
}

static int finish_output(FILE *out, int status)
{
	struct screen s = { .f = out };
	int r = screen_finish(&s);

	if (r == 0)
		return status;
	log_errno(r, "cannot write %s%s%s", output ? "'" : "the output", output ? output : "",
		  output ? "'" : "");
	return SONDE_EXIT_FAILURE;
}

static int be_engine(const struct launcher *l, const struct files *f, int prober_fd, int ready_fd,
		     int over_fd)
{
	const struct view_options options_of_view = {
		.out = f->out,
		.json = json,
		.live = live && !quiet,
		.tree = tree && !quiet,
		.tty_fd = isatty(fileno(f->out)) ? l->tty_fd : -1,
		.db_path = f->db_path,
		.record_path = record,
		.over_fd = over_fd,
	};
	struct engine_config c = {
		.db_path = f->db_path,
		.record_path = record,
		.prices = f->prices,
		.endpoints = f->own->endpoints,
		.ready = engine_is_ready,
		.ready_ctx = &ready_fd,
	};
	struct view *view = NULL;

	if (!quiet || json) {
		if (view_new(&options_of_view, &view) < 0)
			return SONDE_EXIT_FAILURE;
		c.view = &view_sink;
		c.view_ctx = view;
		c.view_done = view_done;
	}
	return finish_output(f->out, engine_live(&c, prober_fd));
}

static void become_background(const struct launcher *l)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	signals_restore(&l->signals);
	signal(SIGPIPE, SIG_IGN);
	/* A session of its own: Ctrl-C and Ctrl-Z are the command's. */
	setsid();
	prctl(PR_SET_NAME, "sonde-engine");
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	close(l->child.go_fd);
	close(l->child.report_fd);
	close(l->prober.fd);
	close(l->signals.fd);
}

/* Forks the engine. Its socket towards the prober goes out in @ret_fd. 0 or -errno. */
static int start_engine(struct launcher *l, const struct files *f, const struct person *become,
			int *ret_fd)
{
	int link[2], ready[2], over[2], r = ipc_pair(link);

	if (r < 0 || pipe2(ready, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(over, O_CLOEXEC) < 0)
		return r < 0 ? r : -errno;
	fflush(NULL);
	l->engine = fork();
	if (l->engine < 0)
		return -errno;
	if (l->engine == 0) {
		become_background(l);
		close(link[1]);
		close(ready[0]);
		close(over[1]);
		r = become ? sandbox_become(become->uid, become->gid, become->name) : 0;
		r = r < 0 ? SONDE_EXIT_FAILURE : be_engine(l, f, link[0], ready[1], over[0]);
		fflush(NULL);
		_exit(r);
	}
	close(link[0]);
	close(ready[1]);
	close(over[0]);
	l->engine_ready_fd = ready[0];
	l->over_fd = over[1];
	*ret_fd = link[1];
	return 0;
}

/* --- the launcher --- */

static int start_prober(struct launcher *l)
{
	int r;

	if (geteuid() != 0)
		return prober_sudo(&l->signals, &l->prober); /* has said why */
	r = prober_fork(&l->signals, &l->prober);
	return r < 0 ? log_errno(r, "cannot start the prober") : 0;
}

/* @running: NULL where @argv is a command that is held. */
static int start_tracing(struct launcher *l, const struct files *f, const struct person *who,
			 const struct running *running, char **argv, char **env)
{
	struct start_config c = {
		.child = &l->child,
		.running = running,
		.argv = argv,
		.env = env,
		.person = who,
		.command_uid = as_root ? getuid() : who->uid,
		.command_gid = as_root ? getgid() : who->gid,
		.ring_bytes = ring,
		.files = files && f->own->files,
		.retry_of = retry_of,
		.config = buf_slice(&f->config),
	};
	_cleanup_(buf_done) struct buf message = { 0 };
	int fds[] = { -1, running ? running->cgroup_fd : -1 };
	/* With --as-root the launcher is still root, and the engine is the only one to drop it. */
	int r = start_engine(l, f, geteuid() == 0 && who->uid != 0 ? who : NULL, &fds[0]);

	if (r < 0)
		return log_errno(r, "cannot start the engine");
	r = start_message(&c, &message);
	if (r == 0)
		r = ipc_send(l->prober.fd, buf_slice(&message), fds, fds[1] < 0 ? 1 : 2);
	closep(&fds[0]);
	closep(&fds[1]);
	if (r < 0)
		return log_errno(r, "cannot tell the prober what to do");
	return launcher_wait_ready(l);
}

/* Our ends of the command's pipes must not keep its readers waiting. */
static void let_go_of_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
}

static int give_up(struct launcher *l, int status)
{
	child_abandon(&l->child);
	if (l->prober.fd >= 0)
		close(l->prober.fd);
	if (l->engine > 0 && !l->engine_gone) {
		kill(l->engine, SIGKILL);
		waitpid(l->engine, NULL, 0);
	}
	return status > 0 ? status : SONDE_EXIT_FAILURE;
}

static int run_command(struct launcher *l, const struct person *who, char **argv)
{
	int error = child_release(&l->child), status, r;

	/* EPIPE: something killed it while it was held; that is how it ended, then. */
	if (error && error != EPIPE)
		command_explain(argv[0], error == ENOENT ? ELIBACC : error, who);
	let_go_of_stdio();
	status = launcher_wait_command(l);
	if (error && error != EPIPE)
		status = error == ENOENT ? SONDE_EXIT_NOT_FOUND : SONDE_EXIT_CANNOT_EXEC;
	r = launcher_finish(l);
	return status ? status : r;
}

static int wait_running(struct launcher *l, const struct running *running)
{
	int status, r;

	if (!quiet)
		log_info("tracing %s; Ctrl-C ends it", running->text);
	let_go_of_stdio();
	status = launcher_wait_running(l);
	r = launcher_finish(l);
	return status ? status : r;
}

/* With everything that needs root done: the launcher becomes the user. */
static int drop_root(const struct person *who, bool keep)
{
	int r = 0;

	if (!keep && geteuid() == 0 && who->uid != 0)
		r = sandbox_become(who->uid, who->gid, who->name);
	prctl(PR_SET_DUMPABLE, 0);
	return r < 0 ? log_errno(r, "cannot become '%s'", who->name) : 0;
}

/* The command, held, as whoever it belongs to. 0, or the exit status; has said why. */
static int hold_command(struct launcher *l, const struct person *who, char **argv, char ***ret_env)
{
	const bool become = geteuid() == 0 && who->uid != 0 && !as_root;
	struct child_config c = {
		.argv = argv,
		.env = become ? person_env(who, environ) : environ,
		.become = become ? who : NULL,
		.signals = &l->signals,
	};
	struct caller caller;
	int error = 0, r = c.env ? signals_take(&l->signals) : -ENOMEM;

	if (become) {
		caller_find(&caller);
		c.caller = &caller;
	}

	if (r == 0)
		r = child_start(&c, &l->child, &error);
	if (r > 0)
		command_explain(argv[0], error, who);
	else if (r < 0)
		log_errno(r, "cannot start the command");
	*ret_env = c.env;
	return r < 0 ? SONDE_EXIT_FAILURE : r;
}

/* Said before anything else: a command that cannot be found is the lesser trouble. */
static bool can_get_root(void)
{
	char path[PATH_MAX];

	if (geteuid() == 0 || command_find("sudo", getenv("PATH"), path) == 0)
		return true;
	log_err("probes need root, and there is no 'sudo' to get it: start sonde as root");
	return false;
}

/*
 * Standard descriptors that are closed must not become a socket of ours; the command finds them
 * closed again.
 */
static void hold_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", O_RDWR | O_CLOEXEC); /* the lowest that is free */
}

/* A daemon on this host leaves to us what we trace from here on. */
static void take_from_daemon(const struct files *f, const struct running *running, pid_t command)
{
	const char *socket = f->own->daemon.socket;

	if (!running)
		hand_over(socket, command, f->db_path);
	for (size_t i = 0; running && i < running->n; i++)
		if (hand_over(socket, running->pids[i], f->db_path) < 0)
			break; /* nobody listens */
}

/* As whoever started sonde, with the prober at work; @env: as the command has it. */
static int trace(struct launcher *l, const struct person *who, const struct running *running,
		 char **argv, char **env)
{
	_cleanup_(files_done) struct files f = { 0 };
	int r;

	environ = env; /* HOME is the user's for us as well: that is where the store is */
	l->tty_fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	r = start_prober(l);
	if (r == 0)
		r = drop_root(who, as_root);
	if (r == 0)
		r = files_open(&f);
	if (r == 0)
		r = start_tracing(l, &f, who, running, argv, env);
	if (r)
		return give_up(l, r);
	take_from_daemon(&f, running, l->child.pid);
	return running ? wait_running(l, running) : run_command(l, who, argv);
}

/* What runs already, found with the rights of who asks. */
static int run_running(struct launcher *l, const struct person *who)
{
	struct running running;
	char **env = environ;

	if (running_find(&query, &running) < 0 || signals_take(&l->signals) < 0)
		return SONDE_EXIT_FAILURE;
	if (geteuid() == 0 && who->uid != 0 && !as_root)
		env = person_env(who, environ);
	return env ? trace(l, who, &running, NULL, env) : SONDE_EXIT_FAILURE;
}

/* What cannot be meant. */
static bool is_nonsense(int argc)
{
	const size_t asked = running_asked(&query);
	struct id128 id;
	uint64_t seconds;

	if (max_time && !config_duration(slice_of(max_time), &seconds)) {
		log_err("run: '--max-time' takes a time such as 90s, 30m or 2h, not '%s'",
			max_time);
		return true;
	}
	if (retry_of && (argc == 0 || id128_parse(slice_of(retry_of), &id) < 0)) {
		log_err("run: '--retry-of' takes the 32 digits of a run, and a command");
		return true;
	}
	if (argc == 0 && asked == 0)
		log_err("run: no command given: sonde run [options] -- COMMAND [ARGUMENT...]");
	else if (argc > 0 && asked > 0)
		log_err("run: either a command or processes that run already, not both");
	else if (asked > 1)
		log_err("run: only one of --pid, --program, --container and --cgroup");
	return (argc == 0) == (asked == 0) || asked > 1;
}

static int run(int argc, char **argv)
{
	struct launcher l = {
		.signals.fd = -1, .prober.fd = -1, .engine_ready_fd = -1, .tty_fd = -1
	};
	struct person who;
	char **env;
	int r;

	if (is_nonsense(argc))
		return SONDE_EXIT_FAILURE;
	hold_stdio();
	if (person_find(&who) < 0 || !can_get_root())
		return SONDE_EXIT_FAILURE;
	if (argc == 0)
		return run_running(&l, &who);
	r = hold_command(&l, &who, argv, &env);
	return r ? r : trace(&l, &who, NULL, argv, env);
}

const struct command command_run = {
	.name = "run",
	.summary = "run a command and trace what it asks of language models",
	.usage = "[options] -- COMMAND [ARGUMENT...]\n"
		 "       sonde run [options] --pid PID | --program PATTERN | --container NAME | "
		 "--cgroup PATH",
	.help = "Runs COMMAND as it would run without sonde: same user, environment, directory,\n"
		"terminal and exit status. Everything it and its children say to language models,\n"
		"the tools they run and what it costs is shown on stderr and stored.\n"
		"\n"
		"Probes need root. Started by an ordinary user, sonde asks sudo for it, for the\n"
		"probes alone: the command keeps environment, PATH and keys. Under 'sudo sonde "
		"run'\n"
		"the command still runs as the user who called sudo (SUDO_UID), with HOME, USER,\n"
		"LOGNAME, SHELL and MAIL of that user and without sudo's own variables; what sudo\n"
		"removed from the environment is lost, which is why 'sonde run' is the better "
		"way.\n"
		"\n"
		"Lines appear as steps end, but not while the command draws on the terminal "
		"itself\n"
		"(raw mode); the tree comes at the end. Ctrl-C, Ctrl-Z and the terminal's size "
		"are\n"
		"the command's; SIGTERM, SIGHUP and the like sent to sonde are passed on.\n"
		"\n"
		"With --pid, --program, --container or --cgroup nothing is run: processes that "
		"run\n"
		"already are traced with all that they have started and start, until they end or\n"
		"Ctrl-C. They are not disturbed. What they said before is not seen; a "
		"conversation\n"
		"under way is picked up at its next request. An ordinary user may trace own "
		"processes,\n"
		"root all.\n"
		"\n"
		"Examples:\n"
		"  sonde run -- claude -p \"fix the tests\"\n"
		"  sonde run --json -o spans.jsonl -- codex exec \"explain this\" | less\n"
		"  sonde run --record run.sonde --content minimal -- python3 agent.py\n"
		"  sonde run -- bash -ic 'my-alias --option'\n"
		"  sonde run --program claude\n"
		"  sudo sonde run --container 4f5a1c\n"
		"\n"
		"Exit status: the command's own; 128+N where signal N ended it; 125 where sonde "
		"could\n"
		"not trace (the command did not run), 126 where it could not be executed, 127 "
		"where\n"
		"it was not found. Of processes that run already: 0.\n",
	.options = options,
	.run = run,
	.max_operands = -1,
	.usage_status = SONDE_EXIT_FAILURE,
	.stop_at_operand = true,
};
