/* agent: runs commands in the test guest for the host, over one virtio-serial port.
 *
 * Host to guest, each a line and, where it has a length, that many bytes:
 *     S <id> <len>\n<shell command>      start it; its stdin, stdout and stderr belong to <id> (0..63)
 *     I <id> <len>\n<bytes>              bytes for its stdin
 *     E <id> 0\n                         the end of its stdin
 *     K <id> <signal>\n                  a signal for its process group
 * Guest to host:
 *     H\n                                the guest is up (once, first)
 *     O <id> <len>\n<bytes>              bytes of its stdout or stderr
 *     X <id> <status>\n                  it ended: exit status, or 128 + signal; <id> is free again
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 64
static struct { pid_t pid; int in, out; } child[CHILDREN];
static int port;

static void put(const char *bytes, size_t length) {
    while (length) {
        ssize_t n = write(port, bytes, length);
        if (n < 0 && errno != EINTR) return;
        if (n > 0) { bytes += n; length -= n; }
    }
}

static unsigned char buffer[65536];
static ssize_t have, at;
static void fill(void) {
    at = 0;
    have = read(port, buffer, sizeof buffer);
    if (have <= 0) { have = 0; usleep(20000); }      /* the host is not there */
}
static int next(void) {
    while (at >= have) fill();
    return buffer[at++];
}

static void start(int id, const char *command) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) return;
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, 0);
        setpgid(0, 0);
        dup2(in[0], 0); dup2(out[1], 1); dup2(out[1], 2);
        execl("/bin/sh", "sh", "-c", command, (char *)0);
        _exit(127);
    }
    setpgid(pid, pid);
    close(in[0]); close(out[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    child[id].pid = pid; child[id].in = in[1]; child[id].out = out[0];
}

/* pass on what there is; 0 when the pipe is empty or closed */
static int drain(int id) {
    char bytes[8192], head[64];
    ssize_t n = child[id].out < 0 ? 0 : read(child[id].out, bytes, sizeof bytes);
    if (n == 0 && child[id].out >= 0) { close(child[id].out); child[id].out = -1; }
    if (n <= 0) return 0;
    put(head, snprintf(head, sizeof head, "O %d %zd\n", id, n));
    put(bytes, n);
    return 1;
}

static void reap(void) {
    int status;
    for (int id = 0; id < CHILDREN; id++) {
        if (!child[id].pid || waitpid(child[id].pid, &status, WNOHANG) != child[id].pid) continue;
        while (drain(id));                           /* a background process may keep the pipe: do not wait for it */
        if (child[id].in >= 0) close(child[id].in);
        if (child[id].out >= 0) close(child[id].out);
        child[id].pid = 0;
        char head[64];
        put(head, snprintf(head, sizeof head, "X %d %d\n", id,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
    }
}

static void serve(void) {
    char line[128], kind;
    size_t n = 0, argument;
    int id, c;
    while ((c = next()) != '\n') if (n < sizeof line - 1) line[n++] = c;
    line[n] = 0;
    if (sscanf(line, "%c %d %zu", &kind, &id, &argument) != 3 || id < 0 || id >= CHILDREN || argument > 1 << 20) return;
    if (kind == 'K') {
        if (child[id].pid) kill(-child[id].pid, argument);
        return;
    }
    if (kind == 'E') {
        if (child[id].pid && child[id].in >= 0) { close(child[id].in); child[id].in = -1; }
        return;
    }
    char *body = malloc(argument + 1);
    for (size_t i = 0; i < argument; i++) body[i] = next();
    body[argument] = 0;
    if (kind == 'S') start(id, body);
    if (kind == 'I' && child[id].pid && child[id].in >= 0) (void)!write(child[id].in, body, argument);
    free(body);
}

int main(int argc, char **argv) {
    if (argc < 2 || (port = open(argv[1], O_RDWR | O_CLOEXEC)) < 0) return 2;
    signal(SIGPIPE, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, 0);
    int ended = signalfd(-1, &mask, SFD_CLOEXEC);
    put("H\n", 2);
    for (;;) {
        while (at < have) serve();
        struct pollfd p[CHILDREN + 2] = {{ .fd = port, .events = POLLIN }, { .fd = ended, .events = POLLIN }};
        for (int id = 0; id < CHILDREN; id++) p[id + 2] = (struct pollfd){ .fd = child[id].pid ? child[id].out : -1, .events = POLLIN };
        if (poll(p, CHILDREN + 2, -1) < 0) continue;
        for (int id = 0; id < CHILDREN; id++) if (p[id + 2].revents) drain(id);
        if (p[1].revents) {
            struct signalfd_siginfo info;
            (void)!read(ended, &info, sizeof info);
            reap();
        }
        if (p[0].revents) fill();
    }
}
