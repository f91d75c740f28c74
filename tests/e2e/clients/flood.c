/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that keeps whoever looks at its mappings busy.
 *
 *	flood FILE N SECONDS	maps FILE N times, then again and again to be executed
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

int main(int argc, char **argv)
{
	const int fd = argc == 4 ? open(argv[1], O_RDONLY) : -1;
	const time_t end = time(NULL) + (argc == 4 ? atoi(argv[3]) : 0);

	if (fd < 0)
		return 2;
	for (int i = 0; i < atoi(argv[2]); i++)
		if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			 0) == MAP_FAILED)
			return 1;
	while (time(NULL) < end)
		munmap(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), 4096);
	return 0;
}
