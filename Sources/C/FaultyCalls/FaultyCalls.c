#define _GNU_SOURCE
#include "Faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Makes a call on a path, unless its turn to fail has come.
#define JUDGED(kind, path, failure, call)                                                                              \
    struct verdict verdict = faults_judge(kind, faults_is_ours(AT_FDCWD, path), path, -1);                             \
    if (verdict.fails && !verdict.after) return errno = verdict.error, failure;                                        \
    __typeof__(failure) result = call;                                                                                 \
    if (verdict.fails) return errno = verdict.error, failure;                                                          \
    return result;

static int do_open(int folder, const char *path, int flags, mode_t mode, int ours) {
    int creates = 0;
    if (ours && (flags & O_CREAT) && faults_remembers())
        creates = faccessat(folder, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    int descriptor = REAL(openat)(folder, path, flags, mode);
    if (descriptor >= 0 && ours) {
        faults_opened(descriptor, path);
        if (faults_remembers()) unflushed_opened(descriptor, folder, path, creates);
    }
    return descriptor;
}

static int judged_open(int folder, const char *path, int flags, mode_t mode) {
    int ours = faults_is_ours(folder, path);
    struct verdict verdict = faults_judge(CALL_OPEN, ours, path, -1);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    int descriptor = do_open(folder, path, flags, mode, ours);
    if (!verdict.fails) return descriptor;
    if (descriptor >= 0) {
        faults_closed(descriptor);
        REAL(close)(descriptor);
    }
    return errno = verdict.error, -1;
}

#define MODE_OF(flags)                                                                                                 \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags) return judged_open(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return judged_open(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) {
    MODE_OF(flags) return judged_open(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    MODE_OF(flags) return judged_open(folder, path, flags, mode);
}

int close(int descriptor) {
    struct verdict verdict = faults_judge(CALL_CLOSE, faults_owns(descriptor), NULL, descriptor);
    faults_closed(descriptor);
    int result = REAL(close)(descriptor);
    // Linux closes it whatever it answers.
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

static ssize_t judged_read(enum call kind, int descriptor, void *bytes, size_t count, off_t offset) {
    struct verdict verdict = faults_judge(kind, faults_owns(descriptor), NULL, descriptor);
    if (verdict.fails && !verdict.partly) return errno = verdict.error, -1;
    if (verdict.partly && count > 1) count /= 2;
    return kind == CALL_READ ? REAL(read)(descriptor, bytes, count) : REAL(pread64)(descriptor, bytes, count, offset);
}

ssize_t read(int descriptor, void *bytes, size_t count) { return judged_read(CALL_READ, descriptor, bytes, count, 0); }
ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    return judged_read(CALL_PREAD, descriptor, bytes, count, offset);
}
ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
    return judged_read(CALL_PREAD, descriptor, bytes, count, offset);
}

static ssize_t judged_write(enum call kind, int descriptor, const void *bytes, size_t count, off_t offset) {
    int ours = faults_owns(descriptor) || kind == CALL_OUTPUT;
    struct verdict verdict = faults_judge(kind, ours, NULL, descriptor);
    if (verdict.fails && !verdict.partly && !verdict.after) return errno = verdict.error, -1;
    if (verdict.partly && count > 1) count /= 2;
    int is_placed = kind == CALL_PWRITE;
    if (ours && kind != CALL_OUTPUT && faults_remembers()) {
        off_t place = is_placed ? offset : lseek(descriptor, 0, SEEK_CUR);
        unflushed_write(descriptor, place < 0 ? 0 : place, count);
    }
    ssize_t result =
        is_placed ? REAL(pwrite64)(descriptor, bytes, count, offset) : REAL(write)(descriptor, bytes, count);
    if (verdict.ends) faults_end();
    return verdict.fails && verdict.after ? (errno = verdict.error, -1) : result;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    return judged_write(descriptor == 1 ? CALL_OUTPUT : CALL_WRITE, descriptor, bytes, count, 0);
}
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return judged_write(CALL_PWRITE, descriptor, bytes, count, offset);
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return judged_write(CALL_PWRITE, descriptor, bytes, count, offset);
}

static int judged_flush(enum call kind, int descriptor) {
    struct verdict verdict = faults_judge(kind, faults_owns(descriptor), NULL, descriptor);
    if (verdict.fails && verdict.loses) unflushed_lose(descriptor);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    int result = kind == CALL_FSYNC ? REAL(fsync)(descriptor)
        : kind == CALL_SYNCFS ? REAL(syncfs)(descriptor) : REAL(fdatasync)(descriptor);
    if (result == 0 && faults_remembers()) {
        if (kind == CALL_SYNCFS) unflushed_all_flushed();
        else unflushed_flushed(descriptor);
    }
    if (verdict.ends) faults_end();
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

int fsync(int descriptor) { return judged_flush(CALL_FSYNC, descriptor); }
int syncfs(int descriptor) { return judged_flush(CALL_SYNCFS, descriptor); }
int fdatasync(int descriptor) { return judged_flush(CALL_FDATASYNC, descriptor); }

int sync_file_range(int descriptor, off64_t offset, off64_t count, unsigned flags) {
    struct verdict verdict = faults_judge(CALL_SYNC_FILE_RANGE, faults_owns(descriptor), NULL, descriptor);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    int result = REAL(sync_file_range)(descriptor, offset, count, flags);
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

static int judged_cut(int descriptor, off_t length) {
    int ours = faults_owns(descriptor);
    struct verdict verdict = faults_judge(CALL_FTRUNCATE, ours, NULL, descriptor);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    if (ours && faults_remembers()) unflushed_cut(descriptor, length);
    int result = REAL(ftruncate64)(descriptor, length);
    if (verdict.ends) faults_end();
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

int ftruncate(int descriptor, off_t length) { return judged_cut(descriptor, length); }
int ftruncate64(int descriptor, off64_t length) { return judged_cut(descriptor, length); }

static int judged_rename(int from, const char *path, int to, const char *other, unsigned flags) {
    int ours = faults_is_ours(to, other) || faults_is_ours(from, path);
    struct verdict verdict = faults_judge(CALL_RENAME, ours, other, -1);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    struct change *change = ours && faults_remembers() ? unflushed_rename(from, path, to, other) : NULL;
    int result = flags ? REAL(renameat2)(from, path, to, other, flags) : REAL(renameat)(from, path, to, other);
    unflushed_did(change, result == 0);
    if (verdict.ends) faults_end();
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

int rename(const char *path, const char *other) { return judged_rename(AT_FDCWD, path, AT_FDCWD, other, 0); }
int renameat(int from, const char *path, int to, const char *other) { return judged_rename(from, path, to, other, 0); }
int renameat2(int from, const char *path, int to, const char *other, unsigned flags) {
    return judged_rename(from, path, to, other, flags);
}

static int judged_unlink(int folder, const char *path, int flags) {
    int ours = faults_is_ours(folder, path);
    struct verdict verdict = faults_judge(flags & AT_REMOVEDIR ? CALL_RMDIR : CALL_UNLINK, ours, path, -1);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    struct change *change = ours && faults_remembers() ? unflushed_unlink(folder, path, flags & AT_REMOVEDIR) : NULL;
    int result = REAL(unlinkat)(folder, path, flags);
    unflushed_did(change, result == 0);
    if (verdict.ends) faults_end();
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

int unlink(const char *path) { return judged_unlink(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return judged_unlink(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int folder, const char *path, int flags) { return judged_unlink(folder, path, flags); }

static int judged_make(enum call kind, int folder, const char *path, int ours, int (*make)(void *), void *context) {
    struct verdict verdict = faults_judge(kind, ours, path, -1);
    if (verdict.fails && !verdict.after) return errno = verdict.error, -1;
    struct change *change = ours && faults_remembers() ? unflushed_make(folder, path, kind == CALL_MKDIR) : NULL;
    int result = make(context);
    unflushed_did(change, result == 0);
    if (verdict.ends) faults_end();
    return verdict.fails ? (errno = verdict.error, -1) : result;
}

struct making { int from; const char *path; int to; const char *other; mode_t mode; int flags; };
static int make_folder(void *context) {
    struct making *making = context;
    return REAL(mkdirat)(making->to, making->other, making->mode);
}
static int make_link(void *context) {
    struct making *making = context;
    return REAL(linkat)(making->from, making->path, making->to, making->other, making->flags);
}
static int make_symbolic_link(void *context) {
    struct making *making = context;
    return REAL(symlinkat)(making->path, making->to, making->other);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    struct making making = {.to = folder, .other = path, .mode = mode};
    return judged_make(CALL_MKDIR, folder, path, faults_is_ours(folder, path), make_folder, &making);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
int linkat(int from, const char *path, int to, const char *other, int flags) {
    struct making making = {.from = from, .path = path, .to = to, .other = other, .flags = flags};
    return judged_make(CALL_LINK, to, other, faults_is_ours(to, other), make_link, &making);
}
int link(const char *path, const char *other) { return linkat(AT_FDCWD, path, AT_FDCWD, other, 0); }
int symlink(const char *target, const char *path) {
    struct making making = {.path = target, .to = AT_FDCWD, .other = path};
    return judged_make(CALL_LINK, AT_FDCWD, path, faults_is_ours(AT_FDCWD, path), make_symbolic_link, &making);
}

int stat(const char *path, struct stat *status) { JUDGED(CALL_STAT, path, -1, REAL(stat)(path, status)) }
int stat64(const char *path, struct stat64 *status) { JUDGED(CALL_STAT, path, -1, REAL(stat64)(path, status)) }
int lstat(const char *path, struct stat *status) { JUDGED(CALL_STAT, path, -1, REAL(lstat)(path, status)) }
int lstat64(const char *path, struct stat64 *status) { JUDGED(CALL_STAT, path, -1, REAL(lstat64)(path, status)) }
int access(const char *path, int mode) { JUDGED(CALL_STAT, path, -1, REAL(access)(path, mode)) }
int chmod(const char *path, mode_t mode) { JUDGED(CALL_CHMOD, path, -1, REAL(chmod)(path, mode)) }
int statvfs(const char *path, struct statvfs *status) { JUDGED(CALL_STAT, path, -1, REAL(statvfs)(path, status)) }

int fstat(int descriptor, struct stat *status) {
    struct verdict verdict = faults_judge(CALL_FSTAT, faults_owns(descriptor), NULL, descriptor);
    return verdict.fails ? (errno = verdict.error, -1) : REAL(fstat)(descriptor, status);
}
int fstat64(int descriptor, struct stat64 *status) {
    struct verdict verdict = faults_judge(CALL_FSTAT, faults_owns(descriptor), NULL, descriptor);
    return verdict.fails ? (errno = verdict.error, -1) : REAL(fstat64)(descriptor, status);
}

DIR *opendir(const char *path) { JUDGED(CALL_OPENDIR, path, (DIR *)NULL, REAL(opendir)(path)) }

static int fails_to_list(DIR *directory) {
    struct verdict verdict = faults_judge(CALL_READDIR, faults_holds(dirfd(directory)), NULL, dirfd(directory));
    if (verdict.fails) errno = verdict.error;
    return verdict.fails;
}
struct dirent *readdir(DIR *directory) { return fails_to_list(directory) ? NULL : REAL(readdir)(directory); }
struct dirent64 *readdir64(DIR *directory) { return fails_to_list(directory) ? NULL : REAL(readdir64)(directory); }

int flock(int descriptor, int operation) {
    struct verdict verdict = faults_judge(CALL_FLOCK, faults_owns(descriptor), NULL, descriptor);
    return verdict.fails ? (errno = verdict.error, -1) : REAL(flock)(descriptor, operation);
}

static int judged_control(int descriptor, int command, void *argument) {
    int locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK
        || command == F_OFD_SETLKW || command == F_OFD_GETLK;
    struct verdict verdict = faults_judge(CALL_FCNTL, locks && faults_owns(descriptor), NULL, descriptor);
    if (verdict.fails) return errno = verdict.error, -1;
    int result = REAL(fcntl64)(descriptor, command, argument);
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0) faults_doubled(descriptor, result);
    return result;
}

#define ARGUMENT_OF(command)                                                                                           \
    va_list rest;                                                                                                      \
    va_start(rest, command);                                                                                           \
    void *argument = va_arg(rest, void *);                                                                             \
    va_end(rest);

int fcntl(int descriptor, int command, ...) {
    ARGUMENT_OF(command)
    return judged_control(descriptor, command, argument);
}
int fcntl64(int descriptor, int command, ...) {
    ARGUMENT_OF(command)
    return judged_control(descriptor, command, argument);
}

static void *judged_map(void *place, size_t length, int protection, int flags, int descriptor, off_t offset) {
    int ours = descriptor >= 0 && faults_owns(descriptor);
    struct verdict verdict = faults_judge(CALL_MMAP, ours, NULL, descriptor);
    if (verdict.fails) return errno = verdict.error, MAP_FAILED;
    return REAL(mmap64)(place, length, protection, flags, descriptor, offset);
}
void *mmap(void *place, size_t length, int protection, int flags, int descriptor, off_t offset) {
    return judged_map(place, length, protection, flags, descriptor, offset);
}
void *mmap64(void *place, size_t length, int protection, int flags, int descriptor, off64_t offset) {
    return judged_map(place, length, protection, flags, descriptor, offset);
}
