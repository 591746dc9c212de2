// Which call goes wrong, and the record of it.
#define _GNU_SOURCE
#include "Faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum mode {
    MODE_NONE, MODE_ONCE, MODE_FROM, MODE_ALTERNATE, MODE_DONE, MODE_SHORT, MODE_LOST, MODE_KILL, MODE_TORN, MODE_LAST,
    MODE_CUT
};

static const char *const mode_names[] = {
    "none", "once", "from", "alternate", "done", "short", "lost", "kill", "torn", "last", "cut"};
static const char *const call_names[CALL_KINDS] = {
    "open", "close", "read", "pread", "write", "pwrite", "fsync", "fdatasync", "syncfs", "sync_file_range",
    "ftruncate", "rename", "unlink", "rmdir", "mkdir", "link", "stat", "fstat", "chmod", "opendir", "readdir", "flock", "fcntl",
    "mmap", "output", "exit"};

// What the log begins with; the test reads it.
struct record {
    _Atomic uint64_t counts[32];
    _Atomic uint64_t fired;
    // The first call that went wrong: its kind and its path.
    char first[1024];
};

static struct record nothing;
static struct record *record = &nothing;
static char under[PATH_MAX];
static size_t under_length;
static char name[256];
static enum call kind_of_fault = CALL_KINDS;
static uint64_t nth;
static int error_of_fault;
static enum mode mode;

enum { DESCRIPTORS = 1 << 16 };
static _Atomic char owned[DESCRIPTORS];

static int word_index(const char *word, size_t length, const char *const *words, int count) {
    for (int index = 0; index < count; index++)
        if (strlen(words[index]) == length && !strncmp(word, words[index], length)) return index;
    return -1;
}

static void copy_value(char *target, size_t room, const char *value, size_t length) {
    if (length >= room) length = room - 1;
    memcpy(target, value, length);
    target[length] = 0;
}

static void open_log(const char *path) {
    int descriptor = REAL(openat)(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return;
    if (REAL(ftruncate64)(descriptor, 4096) == 0) {
        void *place = REAL(mmap64)(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (place != MAP_FAILED) record = place;
    }
    REAL(close)(descriptor);
}

static void set(const char *key, size_t key_length, const char *value, size_t length) {
    char log[PATH_MAX];
    if (key_length == 5 && !strncmp(key, "under", 5)) {
        copy_value(under, sizeof under, value, length);
        under_length = strlen(under);
    } else if (key_length == 3 && !strncmp(key, "log", 3)) {
        copy_value(log, sizeof log, value, length);
        open_log(log);
    } else if (key_length == 4 && !strncmp(key, "name", 4)) {
        copy_value(name, sizeof name, value, length);
    } else if (key_length == 4 && !strncmp(key, "call", 4)) {
        int index = word_index(value, length, call_names, CALL_KINDS);
        if (index >= 0) kind_of_fault = index;
    } else if (key_length == 3 && !strncmp(key, "nth", 3)) {
        nth = strtoull(value, NULL, 10);
    } else if (key_length == 5 && !strncmp(key, "error", 5)) {
        error_of_fault = atoi(value);
    } else if (key_length == 4 && !strncmp(key, "mode", 4)) {
        int index = word_index(value, length, mode_names, MODE_CUT + 1);
        if (index >= 0) mode = index;
    }
}

static void at_exit(int status, void *context) {
    (void)status;
    (void)context;
    faults_judge(CALL_EXIT, 1, NULL, -1);
}

__attribute__((constructor)) static void start(void) {
    const char *text = getenv("KIT_FAULTS");
    while (text && *text) {
        size_t length = strcspn(text, ";");
        const char *sign = memchr(text, '=', length);
        if (sign) set(text, sign - text, sign + 1, length - (sign + 1 - text));
        text += length + (text[length] == ';');
    }
    on_exit(at_exit, NULL);
}

void _exit(int status) {
    faults_judge(CALL_EXIT, 1, NULL, -1);
    void (*leave)(int) = (void (*)(int))REAL(_exit);
    leave(status);
    __builtin_unreachable();
}

int faults_remembers(void) { return mode == MODE_LOST || mode == MODE_CUT; }

const char *faults_folder(void) { return under; }

static int is_under(const char *path) {
    return under_length && !strncmp(path, under, under_length) && (!path[under_length] || path[under_length] == '/');
}

void faults_path(int folder, const char *path, char *whole) {
    if (*path == '/') {
        copy_value(whole, PATH_MAX, path, strlen(path));
        return;
    }
    char link[64];
    if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = REAL(readlink)(link, whole, PATH_MAX - 1);
    if (length < 0) length = 0;
    snprintf(whole + length, PATH_MAX - length, "/%s", path);
}

int faults_is_ours(int folder, const char *path) {
    int number = errno;
    char whole[PATH_MAX];
    faults_path(folder, path, whole);
    errno = number;
    return is_under(whole);
}

int faults_owns(int descriptor) { return descriptor >= 0 && descriptor < DESCRIPTORS && owned[descriptor]; }

static int path_of(int descriptor, char *whole) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = REAL(readlink)(link, whole, PATH_MAX - 1);
    whole[length < 0 ? 0 : length] = 0;
    return length > 0;
}

int faults_holds(int descriptor) {
    int number = errno;
    char whole[PATH_MAX];
    int ours = path_of(descriptor, whole) && is_under(whole);
    errno = number;
    return ours;
}

void faults_opened(int descriptor, const char *path) {
    (void)path;
    if (descriptor < DESCRIPTORS) owned[descriptor] = 1;
}

void faults_doubled(int descriptor, int other) {
    if (other >= 0 && other < DESCRIPTORS) owned[other] = faults_owns(descriptor);
}

void faults_closed(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS) owned[descriptor] = 0;
}

void faults_end(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void note(enum call kind, const char *path, int descriptor) {
    if (atomic_fetch_add(&record->fired, 1)) return;
    char whole[PATH_MAX] = "";
    if (path) faults_path(AT_FDCWD, path, whole);
    else if (descriptor >= 0) path_of(descriptor, whole);
    snprintf(record->first, sizeof record->first, "%s %s", call_names[kind], whole);
}

static int is_meant(const char *path, int descriptor) {
    if (!*name) return 1;
    char whole[PATH_MAX] = "";
    if (path) faults_path(AT_FDCWD, path, whole);
    else path_of(descriptor, whole);
    return strstr(whole, name) != NULL;
}

static int is_its_turn(uint64_t count) {
    switch (mode) {
    case MODE_FROM: return count >= nth;
    case MODE_ALTERNATE: return count >= nth && (count - nth) % 2 == 0;
    default: return count == nth;
    }
}

static int does_work(enum call kind) {
    return kind == CALL_WRITE || kind == CALL_PWRITE || kind == CALL_OUTPUT || kind == CALL_FTRUNCATE
        || kind == CALL_RENAME || kind == CALL_UNLINK || kind == CALL_RMDIR || kind == CALL_MKDIR || kind == CALL_LINK
        || kind == CALL_FSYNC || kind == CALL_FDATASYNC;
}

struct verdict faults_judge(enum call kind, int ours, const char *path, int descriptor) {
    struct verdict verdict = {0};
    if (!ours || !under_length) return verdict;
    int number = errno;
    if (!is_meant(path, descriptor)) return errno = number, verdict;
    uint64_t count = atomic_fetch_add(&record->counts[kind], 1) + 1;
    if (kind != kind_of_fault || mode == MODE_NONE || !is_its_turn(count)) return errno = number, verdict;
    note(kind, path, descriptor);
    errno = number;
    verdict.fails = 1;
    verdict.error = error_of_fault;
    switch (mode) {
    case MODE_DONE: verdict.after = 1; break;
    case MODE_SHORT: verdict.partly = 1; break;
    case MODE_LOST: verdict.loses = 1; break;
    case MODE_TORN:
        if (!does_work(kind)) faults_end();
        verdict.fails = 0;
        verdict.partly = verdict.ends = 1;
        break;
    case MODE_LAST:
        if (!does_work(kind)) faults_end();
        verdict.fails = 0;
        verdict.ends = 1;
        break;
    case MODE_KILL: faults_end();
    case MODE_CUT:
        unflushed_undo_all();
        // The end of the process is told: what it acknowledged must be there.
        if (kind != CALL_EXIT) faults_end();
        verdict.fails = 0;
        break;
    default: break;
    }
    return verdict;
}
