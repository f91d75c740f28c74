/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a build does to a kernel: many short processes, each of which looks for and reads headers,
 * computes, writes small files and puts one of them in place by renaming it.
 *
 *	build FOLDER PROCESSES FILES	prints the CPU time of it all, in us, and how long it took
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEADERS	    20	    /* read by each process; as many are looked for in vain */
#define COMPUTE	    3000000 /* rounds: some 4 ms, less than the smallest file takes to compile */
#define OUTPUT	    4000    /* bytes of a file */
#define AT_ONCE	    2
#define HEADER_FILE "/usr/include/stdio.h"

static volatile uint64_t sink;

static void read_headers(void)
{
	char buf[32768];
	struct stat st;

	for (int i = 0; i < HEADERS; i++) {
		int fd = open("/usr/local/include/no-such-header.h", O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			close(fd);
		fd = open(HEADER_FILE, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		fstat(fd, &st);
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
}

static void compute(void)
{
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < COMPUTE; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	sink = x;
}

static void write_files(const char *folder, int process, int n)
{
	char path[256], to[256], text[OUTPUT] = "";

	for (int i = 0; i < n; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%d-%d.o", folder, process, i);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text))
			exit(1);
		close(fd);
	}
	snprintf(to, sizeof(to), "%s/%d.done", folder, process);
	rename(path, to);
}

static int work(char **argv)
{
	read_headers();
	compute();
	write_files(argv[2], atoi(argv[3]), atoi(argv[4]));
	return 0;
}

static void start(const char *self, const char *folder, int process, int files)
{
	char number[16], n[16];

	snprintf(number, sizeof(number), "%d", process);
	snprintf(n, sizeof(n), "%d", files);
	if (fork() == 0) {
		execl(self, "build", "work", folder, number, n, (char *)NULL);
		_exit(127);
	}
}

static long us_of(struct timeval t)
{
	return t.tv_sec * 1000000 + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct timespec began, ended;
	struct rusage used;
	int processes, running = 0, status, bad = 0;

	if (argc == 5 && strcmp(argv[1], "work") == 0)
		return work(argv);
	if (argc != 4)
		return 2;
	processes = atoi(argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = 0; i < processes; i++) {
		if (running == AT_ONCE) {
			wait(&status);
			bad |= status;
			running--;
		}
		start("/proc/self/exe", argv[1], i, atoi(argv[3]) / processes);
		running++;
	}
	while (wait(&status) > 0)
		bad |= status;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	getrusage(RUSAGE_CHILDREN, &used);
	printf("cpu=%ld wall=%ld\n", us_of(used.ru_utime) + us_of(used.ru_stime),
	       (long)(ended.tv_sec - began.tv_sec) * 1000000 +
		       (ended.tv_nsec - began.tv_nsec) / 1000);
	return bad != 0;
}
