/* hammer: adds one to a number in a file, under a lock of the whole file, until its stdin is closed.
 *
 *   hammer FILE          the file holds 16 decimal digits
 *
 * Mutual exclusion is proved by the number: at the end it must equal the rounds of all hammers together. Prints
 * "round N" every 20 rounds, "done N" at the end, or "failed ROUND CALL ERRNO" at the first error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long rounds;
static int failed(const char *call) {
    printf("failed %ld %s %s\n", rounds, call, strerrorname_np(errno));
    return 1;
}

int main(int argc, char **argv) {
    char text[32] = "";
    int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;
    if (fd < 0) return failed("open");
    setvbuf(stdout, 0, _IOLBF, 0);
    struct pollfd in = { .fd = 0, .events = POLLIN };
    while (poll(&in, 1, 0) == 0) {
        struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        if (fcntl(fd, F_SETLKW, &f)) return failed("lock");
        if (pread(fd, text, 16, 0) != 16) return failed("read");
        snprintf(text, sizeof text, "%016lld", atoll(text) + 1);
        if (pwrite(fd, text, 16, 0) != 16) return failed("write");
        f.l_type = F_UNLCK;
        if (fcntl(fd, F_SETLK, &f)) return failed("unlock");
        if (++rounds % 20 == 0) printf("round %ld\n", rounds);
    }
    printf("done %ld\n", rounds);
    return 0;
}
