// What would be lost if the power failed now.
//
// Of each file that was opened, the bytes that were overwritten since its last flush are kept; of each folder, the
// changes of names since its last flush. To undo them all, the newest first, gives a state in which a disk may be
// found: one that wrote nothing before it had to.
#define _GNU_SOURCE
#include "Faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Bytes that a write or a cut replaced, and the length that the file had.
struct old {
    struct old *before;
    off_t length;
    off_t offset;
    size_t count;
    char bytes[];
};

// A file, by its place on the disk; `writer` is open until the end, so that its name does not matter.
struct file {
    struct file *next;
    dev_t device;
    ino_t number;
    int writer;
    struct old *newest;
};

// A name that was made, removed or given to something else.
struct change {
    struct change *before;
    enum { MADE, MADE_FOLDER, REMOVED, REMOVED_FOLDER, RENAMED } kind;
    char path[PATH_MAX];
    char other[PATH_MAX];
    // A link to what the name stood for before, or nothing.
    char saved[PATH_MAX];
    // Whether the folders of the two paths were flushed since.
    int is_flushed, other_is_flushed;
    int done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct change *newest;
static atomic_int saved_count;

static struct file *find(int descriptor, struct stat *status) {
    if (REAL(fstat)(descriptor, status) != 0 || !S_ISREG(status->st_mode)) return NULL;
    for (struct file *file = files; file; file = file->next)
        if (file->device == status->st_dev && file->number == status->st_ino) return file;
    return NULL;
}

static void parent(const char *path, char *folder) {
    strncpy(folder, path, PATH_MAX - 1);
    folder[PATH_MAX - 1] = 0;
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
}

static struct change *append(int kind) {
    struct change *change = calloc(1, sizeof *change);
    if (!change) abort();
    change->kind = kind;
    pthread_mutex_lock(&lock);
    change->before = newest;
    newest = change;
    pthread_mutex_unlock(&lock);
    return change;
}

void unflushed_opened(int descriptor, int folder, const char *path, int makes) {
    int number = errno;
    if (makes) {
        struct change *change = append(MADE);
        faults_path(folder, path, change->path);
        change->done = 1;
    }
    char whole[PATH_MAX];
    struct stat status = {0};
    faults_path(folder, path, whole);
    pthread_mutex_lock(&lock);
    struct file *file = find(descriptor, &status);
    if (!file && S_ISREG(status.st_mode)) {
        int writer = REAL(openat)(AT_FDCWD, whole, O_RDWR | O_CLOEXEC);
        file = writer >= 0 ? calloc(1, sizeof *file) : NULL;
        if (file) {
            *file = (struct file){.next = files, .device = status.st_dev, .number = status.st_ino, .writer = writer};
            files = file;
        }
    }
    pthread_mutex_unlock(&lock);
    errno = number;
}

// Keeps what is between two places of the file, and its length.
static void keep(struct file *file, off_t length, off_t offset, size_t count) {
    struct old *old = malloc(sizeof *old + count);
    if (!old) abort();
    ssize_t got = count ? REAL(pread64)(file->writer, old->bytes, count, offset) : 0;
    *old = (struct old){.before = file->newest, .length = length, .offset = offset, .count = got < 0 ? 0 : got};
    file->newest = old;
}

void unflushed_write(int descriptor, off_t offset, size_t count) {
    int number = errno;
    struct stat status = {0};
    pthread_mutex_lock(&lock);
    struct file *file = find(descriptor, &status);
    if (file) {
        off_t left = status.st_size > offset ? status.st_size - offset : 0;
        keep(file, status.st_size, offset, (off_t)count < left ? count : (size_t)left);
    }
    pthread_mutex_unlock(&lock);
    errno = number;
}

void unflushed_cut(int descriptor, off_t length) {
    int number = errno;
    struct stat status = {0};
    pthread_mutex_lock(&lock);
    struct file *file = find(descriptor, &status);
    if (file) keep(file, status.st_size, length, status.st_size > length ? status.st_size - length : 0);
    pthread_mutex_unlock(&lock);
    errno = number;
}

static void undo(struct file *file) {
    while (file->newest) {
        struct old *old = file->newest;
        file->newest = old->before;
        if (old->count) REAL(pwrite64)(file->writer, old->bytes, old->count, old->offset);
        if (REAL(ftruncate64)(file->writer, old->length) != 0) abort();
        free(old);
    }
}

void unflushed_lose(int descriptor) {
    int number = errno;
    struct stat status = {0};
    pthread_mutex_lock(&lock);
    struct file *file = find(descriptor, &status);
    if (file) undo(file);
    pthread_mutex_unlock(&lock);
    errno = number;
}

static void forget(struct file *file) {
    while (file->newest) {
        struct old *old = file->newest;
        file->newest = old->before;
        free(old);
    }
}

// What is watched lies on one file system: all of it keeps its bytes and names from now on.
void unflushed_all_flushed(void) {
    pthread_mutex_lock(&lock);
    for (struct file *file = files; file; file = file->next) forget(file);
    for (struct change *change = newest; change; change = change->before)
        change->is_flushed = change->other_is_flushed = 1;
    pthread_mutex_unlock(&lock);
}

// A file keeps its bytes from now on, and a folder its names: POSIX promises neither for the other.
void unflushed_flushed(int descriptor) {
    int number = errno;
    struct stat status = {0};
    char link[64], whole[PATH_MAX], folder[PATH_MAX];
    pthread_mutex_lock(&lock);
    struct file *file = find(descriptor, &status);
    if (file) forget(file);
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = REAL(readlink)(link, whole, PATH_MAX - 1);
    whole[length < 0 ? 0 : length] = 0;
    if (S_ISDIR(status.st_mode)) {
        for (struct change *change = newest; change; change = change->before) {
            parent(change->path, folder);
            if (!strcmp(folder, whole)) change->is_flushed = 1;
            parent(change->other, folder);
            if (!strcmp(folder, whole)) change->other_is_flushed = 1;
        }
    }
    pthread_mutex_unlock(&lock);
    errno = number;
}

// A new name in a folder of our own, on the same file system.
static void aside(char *path) {
    int count = atomic_fetch_add(&saved_count, 1);
    snprintf(path, PATH_MAX, "%s/.unflushed", faults_folder());
    REAL(mkdirat)(AT_FDCWD, path, 0700);
    snprintf(path, PATH_MAX, "%s/.unflushed/%d-%d", faults_folder(), getpid(), count);
}

// Gives what a name stands for a second name, so that it can come back.
static void save(const char *path, char *saved) {
    struct stat status = {0};
    if (REAL(lstat)(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
    aside(saved);
    if (REAL(linkat)(AT_FDCWD, path, AT_FDCWD, saved, 0) != 0) saved[0] = 0;
}

struct change *unflushed_rename(int from, const char *path, int to, const char *other) {
    struct change *change = append(RENAMED);
    faults_path(from, path, change->path);
    faults_path(to, other, change->other);
    save(change->other, change->saved);
    return change;
}

struct change *unflushed_unlink(int folder, const char *path, int is_folder) {
    struct change *change = append(is_folder ? REMOVED_FOLDER : REMOVED);
    faults_path(folder, path, change->path);
    if (!is_folder) save(change->path, change->saved);
    return change;
}

struct change *unflushed_make(int folder, const char *path, int is_folder) {
    struct change *change = append(is_folder ? MADE_FOLDER : MADE);
    faults_path(folder, path, change->path);
    return change;
}

void unflushed_did(struct change *change, int done) {
    if (!change) return;
    int number = errno;
    change->done = done;
    if (!done && change->saved[0]) {
        REAL(unlinkat)(AT_FDCWD, change->saved, 0);
        change->saved[0] = 0;
    }
    errno = number;
}

static void take_back(struct change *change) {
    switch (change->kind) {
    case MADE: REAL(unlinkat)(AT_FDCWD, change->path, 0); break;
    case MADE_FOLDER:
        // With all that is in it, flushed or not: nothing leads there.
        aside(change->other);
        REAL(renameat)(AT_FDCWD, change->path, AT_FDCWD, change->other);
        break;
    case REMOVED:
        if (change->saved[0]) REAL(renameat)(AT_FDCWD, change->saved, AT_FDCWD, change->path);
        break;
    case REMOVED_FOLDER: REAL(mkdirat)(AT_FDCWD, change->path, 0700); break;
    case RENAMED:
        REAL(renameat)(AT_FDCWD, change->other, AT_FDCWD, change->path);
        if (change->saved[0]) REAL(renameat)(AT_FDCWD, change->saved, AT_FDCWD, change->other);
        break;
    }
}

void unflushed_undo_all(void) {
    // The lock is not given back: whoever flushes something from here on is not told that it is on the disk.
    pthread_mutex_lock(&lock);
    for (struct file *file = files; file; file = file->next) undo(file);
    for (struct change *change = newest; change; change = change->before) {
        int flushed = change->kind == RENAMED ? change->is_flushed && change->other_is_flushed : change->is_flushed;
        if (change->done && !flushed) take_back(change);
        else if (change->saved[0]) REAL(unlinkat)(AT_FDCWD, change->saved, 0);
    }
}
