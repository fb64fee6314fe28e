/*
 * preload.c
 *		A disk that is full and a clock that is wrong, for a server that loads
 *		this before its other libraries.
 *
 * USERLOCK_FAULTS names a directory.  A file "full" there has a path: nothing
 * under it grows while that file is there, though what it has can be written
 * over, as on a real disk.  A file "clock" has how many seconds the clock is
 * ahead.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(function) ((__typeof__(&function)) dlsym(RTLD_NEXT, #function))

/* Reads a file of the directory; false: there is none. */
static int
read_fault(const char *name, char *text, size_t size)
{
	int			callers_errno = errno;
	char		path[4096];
	ssize_t		length = -1;
	int			fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("USERLOCK_FAULTS"), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
	{
		length = read(fd, text, size - 1);
		close(fd);
	}
	text[length < 0 ? 0 : length] = '\0';
	errno = callers_errno;
	return length > 0;
}

/* Would a file that is on the full disk have to grow for this? */
static int
has_no_room(int fd, off_t end)
{
	char		disk[4096];
	char		link[64];
	char		path[4096];
	ssize_t		length;
	struct stat file;

	if (!read_fault("full", disk, sizeof(disk)) ||
		fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || end <= file.st_size)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	return length > 0 && strncmp(path, disk, strlen(disk)) == 0;
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (has_no_room(fd, offset + (off_t) size))
	{
		errno = ENOSPC;
		return -1;
	}
	return REAL(pwrite) (fd, data, size, offset);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	off_t		end = offset;

	for (int i = 0; i < count; i++)
		end += (off_t) parts[i].iov_len;
	if (has_no_room(fd, end))
	{
		errno = ENOSPC;
		return -1;
	}
	return REAL(pwritev) (fd, parts, count, offset);
}

int
posix_fallocate(int fd, off_t offset, off_t size)
{
	return has_no_room(fd, offset + size) ? ENOSPC :
		REAL(posix_fallocate) (fd, offset, size);
}

/* As a server calls them that is built for large files. */
ssize_t		pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t		pwritev64(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev")));
int			posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	char		ahead[64];
	struct timespec real;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &real);
	now->tv_sec = real.tv_sec;
	now->tv_usec = real.tv_nsec / 1000;
	if (read_fault("clock", ahead, sizeof(ahead)))
	{
		long long	moved = (long long) now->tv_sec * 1000000 + now->tv_usec +
			(long long) (strtod(ahead, NULL) * 1000000);

		now->tv_sec = moved / 1000000;
		now->tv_usec = moved % 1000000;
	}
	return 0;
}

time_t
time(time_t *seconds)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	if (seconds)
		*seconds = now.tv_sec;
	return now.tv_sec;
}
