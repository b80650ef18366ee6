/* holder: a process of the test guest that takes and gives back locks as it is told.
 *
 * Each line of stdin is "<number> <command>"; each command runs in a thread of its own (POSIX locks belong to the
 * process), so that one may wait while others go on. Each ends in one line of stdout:
 *     <number> <begin> <end> <result>        nanoseconds of the guest's monotonic clock
 * where the result is OK, the name of an errno, or what the command says:
 *     open SLOT PATH ro|wo|rw                slots 0..63; creates the file unless ro
 *     close SLOT      dup SLOT SLOT      seek SLOT OFFSET      size SLOT LENGTH
 *     lock SLOT r|w START LENGTH [s|c|e]     F_SETLK; start counts from the start, the position or the end
 *     wait SLOT r|w START LENGTH [s|c|e]     F_SETLKW
 *     unlock SLOT r START LENGTH [s|c|e]
 *     test SLOT r|w START LENGTH [s|c|e]     F_GETLK: FREE, or HELD r|w START LENGTH
 *     fork SLOT r|w START LENGTH             F_SETLK in a forked child that then ends
 *     many SLOT COUNT                        F_SETLK of COUNT locks: 2 bytes each, 2 bytes apart
 *     pairs SLOT COUNT                       COUNT times lock and unlock of the first byte
 *     flock SLOT sh|ex|un [nb]
 *     read SLOT OFFSET LENGTH                DATA <text>
 *     write SLOT OFFSET TEXT
 *     blocked NUMBER                         answers when that command waits for a lock: WAITS <kernel function>,
 *                                            or ENDED when it is over
 *     interrupt NUMBER                       a signal for the thread of that command
 * With MARK=address:port in the environment each command also sends a UDP datagram "<NAME> <number> begin" before and
 * "<NAME> <number> end" after its system call: whoever captures both guests' packets has one clock for both.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 65536
static int slot[64];
static struct { pthread_t thread; pid_t tid; int ended; } command[COMMANDS];
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static int mark_socket = -1;
static struct sockaddr_in mark_to;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void mark(int number, const char *what) {
    char text[128];
    if (mark_socket < 0) return;
    int n = snprintf(text, sizeof text, "%s %d %s", getenv("NAME") ?: "?", number, what);
    (void)!sendto(mark_socket, text, n, 0, (struct sockaddr *)&mark_to, sizeof mark_to);
}

static int set(int fd, int how, char type, long long start, long long length, char from) {
    struct flock f = { .l_type = type == 'u' ? F_UNLCK : type == 'w' ? F_WRLCK : F_RDLCK,
        .l_whence = from == 'c' ? SEEK_CUR : from == 'e' ? SEEK_END : SEEK_SET, .l_start = start, .l_len = length };
    return fcntl(fd, how, &f);
}

/* waits until the thread of `number` sleeps where the kernel waits for a lock, or is over */
static void blocked(int number, char *result, size_t size) {
    char path[64], where[128];
    for (;;) {
        if (command[number].ended) { snprintf(result, size, "ENDED"); return; }
        snprintf(path, sizeof path, "/proc/self/task/%d/wchan", command[number].tid);
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, where, sizeof where - 1);
        if (fd >= 0) close(fd);
        where[n > 0 ? n : 0] = 0;
        if (strstr(where, "nlmclnt_block") || strstr(where, "lock_inode_wait")) {
            snprintf(result, size, "WAITS %s", where);
            return;
        }
        usleep(2000);
    }
}

static void execute(char *line, char *result, size_t size) {
    char verb[16] = "", a[256] = "", b[256] = "", from = 's', type = 'r';
    long long x = 0, y = 0;
    int s = 0, r = 0;
    sscanf(line, "%15s %d %255s %255s", verb, &s, a, b);
    if (!strcmp(verb, "blocked")) { blocked(s % COMMANDS, result, size); return; }
    if (!strcmp(verb, "interrupt")) { pthread_kill(command[s % COMMANDS].thread, SIGUSR1); strcpy(result, "OK"); return; }
    if (s < 0 || s > 63) { strcpy(result, "EINVAL"); return; }
    int fd = slot[s];
    if (sscanf(line, "%*s %*d %c %lld %lld %c", &type, &x, &y, &from) >= 3
        && (!strcmp(verb, "lock") || !strcmp(verb, "wait") || !strcmp(verb, "unlock"))) {
        r = set(fd, !strcmp(verb, "wait") ? F_SETLKW : F_SETLK, verb[0] == 'u' ? 'u' : type, x, y, from);
    } else if (!strcmp(verb, "test")) {
        struct flock f = { .l_type = type == 'w' ? F_WRLCK : F_RDLCK, .l_start = x, .l_len = y,
            .l_whence = from == 'c' ? SEEK_CUR : from == 'e' ? SEEK_END : SEEK_SET };
        r = fcntl(fd, F_GETLK, &f);
        if (r == 0) {
            if (f.l_type == F_UNLCK) strcpy(result, "FREE");
            else snprintf(result, size, "HELD %c %lld %lld", f.l_type == F_WRLCK ? 'w' : 'r', (long long)f.l_start, (long long)f.l_len);
            return;
        }
    } else if (!strcmp(verb, "fork")) {
        pid_t pid = fork();
        if (pid == 0) _exit(set(fd, F_SETLK, type, x, y, 's') ? errno : 0);
        int status = 0;
        waitpid(pid, &status, 0);
        if ((errno = WEXITSTATUS(status))) r = -1;
    } else if (!strcmp(verb, "many")) {
        for (int i = 0; i < atoi(a) && !r; i++) r = set(fd, F_SETLK, 'w', i * 4LL, 2, 's');
    } else if (!strcmp(verb, "pairs")) {
        for (int i = 0; i < atoi(a) && !r; i++) r = set(fd, F_SETLK, 'w', 0, 1, 's') || set(fd, F_SETLK, 'u', 0, 1, 's');
    } else if (!strcmp(verb, "open")) {
        r = slot[s] = open(a, !strcmp(b, "ro") ? O_RDONLY : O_CREAT | (!strcmp(b, "wo") ? O_WRONLY : O_RDWR), 0666);
    } else if (!strcmp(verb, "close")) { r = close(fd); slot[s] = -1;
    } else if (!strcmp(verb, "dup")) { r = slot[atoi(a) & 63] = dup(fd);
    } else if (!strcmp(verb, "seek")) { r = lseek(fd, atoll(a), SEEK_SET) < 0 ? -1 : 0;
    } else if (!strcmp(verb, "size")) { r = ftruncate(fd, atoll(a));
    } else if (!strcmp(verb, "flock")) {
        r = flock(fd, (!strcmp(a, "sh") ? LOCK_SH : !strcmp(a, "ex") ? LOCK_EX : LOCK_UN) | (b[0] ? LOCK_NB : 0));
    } else if (!strcmp(verb, "write")) { r = pwrite(fd, b, strlen(b), atoll(a)) < 0 ? -1 : 0;
    } else if (!strcmp(verb, "read")) {
        char text[200];
        ssize_t n = pread(fd, text, atoi(b) < 199 ? atoi(b) : 199, atoll(a));
        if (n >= 0) { text[n] = 0; snprintf(result, size, "DATA %s", text); return; }
        r = -1;
    } else { strcpy(result, "UNKNOWN"); return; }
    snprintf(result, size, "%s", r < 0 ? strerrorname_np(errno) : "OK");
}

struct request { int number; char line[600]; };
static void *thread(void *argument) {
    struct request *q = argument;
    int n = q->number % COMMANDS;
    char result[400] = "";
    command[n].tid = gettid();
    mark(q->number, "begin");
    long long begin = now();
    execute(q->line, result, sizeof result);
    long long end = now();
    mark(q->number, "end");
    command[n].ended = 1;
    pthread_mutex_lock(&output);
    printf("%d %lld %lld %s\n", q->number, begin, end, result);
    fflush(stdout);
    pthread_mutex_unlock(&output);
    free(q);
    return 0;
}

static void nothing(int signal) { (void)signal; }

int main(void) {
    char line[600], address[64];
    int port;
    for (int i = 0; i < 64; i++) slot[i] = -1;
    struct sigaction interrupt = { .sa_handler = nothing };
    sigaction(SIGUSR1, &interrupt, 0);
    if (sscanf(getenv("MARK") ?: "", "%63[^:]:%d", address, &port) == 2) {
        mark_to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
        inet_pton(AF_INET, address, &mark_to.sin_addr);
        mark_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    while (fgets(line, sizeof line, stdin)) {
        struct request *q = calloc(1, sizeof *q);
        if (sscanf(line, "%d %599[^\n]", &q->number, q->line) != 2) { free(q); continue; }
        int n = q->number % COMMANDS;
        command[n].ended = 0;
        command[n].tid = 0;
        pthread_create(&command[n].thread, 0, thread, q);
        pthread_detach(command[n].thread);
    }
    return 0;
}
