#include "outsider.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX 32768
#define PATIENCE   60000 /* milliseconds; the slowest warms up in three seconds */

struct outsider {
    const char *title;
    const char *program;  /* in the folder peers/ beside the bench; written by the build */
    const char *argument; /* which of the program's pools */
    bool is_unbarriered;  /* its membarrier is refused, from its very beginning */
    const char *lacks;    /* NULL once it has said who it is */
    char version[96];
    int questions; /* file descriptors; valid while it lives */
    int answers;
    pid_t pid; /* 0: not started, or ended */
};

static struct outsider outsiders[OUTSIDER_COUNT] = {
    [OUTSIDER_HIKARI] = {.title = "HikariCP",
                         .program = "hikari",
                         .lacks = "libhikaricp-java default-jdk-headless"},
    [OUTSIDER_GO_SQL] = {.title = "Go database/sql",
                         .program = "golang",
                         .argument = "sql",
                         .lacks = "golang-go"},
    [OUTSIDER_GO_CHANNEL] = {.title = "Go channel",
                             .program = "golang",
                             .argument = "channel",
                             .lacks = "golang-go"},
    [OUTSIDER_SQLALCHEMY] = {.title = "SQLAlchemy QueuePool",
                             .program = "sqlalchemy",
                             .lacks = "python3-sqlalchemy"},
    [OUTSIDER_GENERIC_POOL] = {.title = "generic-pool (node)",
                               .program = "node",
                               .argument = "generic-pool",
                               .lacks = "node, npm and generic-pool from npm"},
    [OUTSIDER_TARN] = {.title = "tarn (node)",
                       .program = "node",
                       .argument = "tarn",
                       .lacks = "node, npm and tarn from npm"},
    [OUTSIDER_GO_MUTEX] = {.title = "Go Mutex",
                           .program = "golang",
                           .argument = "mutex",
                           .lacks = "golang-go"},
    [OUTSIDER_GO_READ] = {.title = "Go RWMutex",
                          .program = "golang",
                          .argument = "read",
                          .lacks = "golang-go"},
    [OUTSIDER_GO_WRITE] = {.title = "Go RWMutex",
                           .program = "golang",
                           .argument = "write",
                           .lacks = "golang-go"},
    [OUTSIDER_GO_MIX] = {.title = "Go RWMutex",
                         .program = "golang",
                         .argument = "mix",
                         .lacks = "golang-go"},
    [OUTSIDER_GO_RARE] = {.title = "Go RWMutex",
                          .program = "golang",
                          .argument = "rare",
                          .lacks = "golang-go"},
    [OUTSIDER_GO_ONCE] = {.title = "Go Once",
                          .program = "golang",
                          .argument = "once",
                          .lacks = "golang-go"},
    [OUTSIDER_GO_WAITGROUP] = {.title = "Go WaitGroup",
                               .program = "golang",
                               .argument = "waitgroup",
                               .lacks = "golang-go"},
    [OUTSIDER_UNBARRIERED] = {.title = "lg_pool, no membarrier",
                              .program = "../bench",
                              .argument = "--answer",
                              .is_unbarriered = true,
                              .lacks = "a kernel that lets a filter refuse membarrier"},
};

static char answer[ANSWER_MAX];
static bool is_started;

/* -- questions and answers -------------------------------------------------------------------- */

static void dismiss(struct outsider *outsider, const char *why)
{
    outsider->lacks = why;
    close(outsider->questions);
    close(outsider->answers);
    kill(outsider->pid, SIGKILL);
    waitpid(outsider->pid, NULL, 0);
    outsider->pid = 0;
}

/* One line, without its end.  False: none came. */
static bool read_line(int file)
{
    size_t length = 0;
    struct pollfd ready = {.fd = file, .events = POLLIN};
    while (length + 1 < sizeof(answer)) {
        int count = poll(&ready, 1, PATIENCE);
        if (count < 0 && errno == EINTR)
            continue;
        ssize_t got = count > 0 ? read(file, answer + length, sizeof(answer) - 1 - length) : 0;
        if (got <= 0)
            return false;
        length += (size_t)got;
        if (answer[length - 1] == '\n') { /* it speaks only when asked: nothing can follow */
            answer[length - 1] = '\0';
            return true;
        }
    }
    return false;
}

static bool write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, text, length);
        if (written < 0 && errno != EINTR)
            return false;
        text += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

const char *outsider_ask(struct outsider *outsider, const char *question)
{
    char line[128];
    int length = snprintf(line, sizeof(line), "%s\n", question);
    if (outsider->lacks != NULL)
        return NULL;
    if (write_all(outsider->questions, line, (size_t)length) && read_line(outsider->answers))
        return answer;
    fprintf(stderr, "bench: %s did not answer: %s\n", outsider->title, question);
    dismiss(outsider, "a peer that answers: this one stopped");
    return NULL;
}

double answer_number(const char *text, const char *key)
{
    char quoted[48];
    char *end;
    snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
    const char *found = text != NULL ? strstr(text, quoted) : NULL;
    if (found == NULL)
        return NAN;
    found += strlen(quoted);
    double number = strtod(found, &end);
    return end != found ? number : NAN;
}

/* -- life ------------------------------------------------------------------------------------- */

/* Beside the bench, wherever that was built. */
static bool find_program(const struct outsider *outsider, char *path, size_t size)
{
    char own[512];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (length <= 0)
        return false;
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    snprintf(path, size, "%s/peers/%s", own, outsider->program);
    return access(path, X_OK) == 0;
}

/* As on a kernel without it.  From here on also for what this process becomes. */
static bool refuse_membarrier(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

__attribute__((noreturn)) static void become(const struct outsider *outsider, const char *path,
                                             int questions, int answers)
{
    if (dup2(questions, STDIN_FILENO) < 0 || dup2(answers, STDOUT_FILENO) < 0)
        _exit(127);
    if (outsider->is_unbarriered && !refuse_membarrier())
        _exit(127);
    execl(path, path, outsider->argument, (char *)NULL);
    _exit(127);
}

static void start(struct outsider *outsider)
{
    char path[600];
    int down[2];
    int up[2];
    if (!find_program(outsider, path, sizeof(path)))
        return;
    /* Closed on exec: an outsider that kept another's pipe would keep it from seeing the end. */
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
        bench_fail("cannot make a pipe");
    outsider->pid = fork();
    if (outsider->pid < 0)
        bench_fail("cannot fork");
    if (outsider->pid == 0)
        become(outsider, path, down[0], up[1]);
    close(down[0]);
    close(up[1]);
    outsider->questions = down[1];
    outsider->answers = up[0];
}

/* It says who it is once it is warm. */
static void meet(struct outsider *outsider)
{
    if (outsider->pid == 0)
        return;
    if (!read_line(outsider->answers)) {
        dismiss(outsider, outsider->lacks);
        return;
    }
    const char *version = strstr(answer, "\"version\": \"");
    if (version != NULL)
        sscanf(version, "\"version\": \"%95[^\"]", outsider->version);
    outsider->lacks = NULL;
}

void outsiders_start(void)
{
    if (is_started)
        return;
    is_started = true;
    fflush(NULL);
    signal(SIGPIPE, SIG_IGN); /* one that has died is found by its missing answer */
    for (size_t i = 0; i < OUTSIDER_COUNT; i++)
        start(&outsiders[i]);
    for (size_t i = 0; i < OUTSIDER_COUNT; i++)
        meet(&outsiders[i]);
}

/* The end of its questions is the end of its life. */
void outsiders_end(void)
{
    for (size_t i = 0; i < OUTSIDER_COUNT; i++) {
        struct outsider *outsider = &outsiders[i];
        if (outsider->pid == 0)
            continue;
        close(outsider->questions);
        close(outsider->answers);
        waitpid(outsider->pid, NULL, 0);
        outsider->pid = 0;
    }
}

struct outsider *outsider_of(enum outsider_name name)
{
    return &outsiders[name];
}

const char *outsider_title(const struct outsider *outsider)
{
    return outsider->title;
}

const char *outsider_version(const struct outsider *outsider)
{
    return outsider->version[0] != '\0' ? outsider->version : NULL;
}

const char *outsider_lacks(const struct outsider *outsider)
{
    return outsider->lacks;
}
