// What the calls in FaultyCalls.c ask before they go on, and what they tell of what they did.
#pragma once

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

// The order is that of the counts in the log.
enum call {
    CALL_OPEN, CALL_CLOSE, CALL_READ, CALL_PREAD, CALL_WRITE, CALL_PWRITE, CALL_FSYNC, CALL_FDATASYNC,
    CALL_SYNCFS, CALL_SYNC_FILE_RANGE, CALL_FTRUNCATE, CALL_RENAME, CALL_UNLINK, CALL_RMDIR, CALL_MKDIR, CALL_LINK, CALL_STAT,
    CALL_FSTAT, CALL_CHMOD, CALL_OPENDIR, CALL_READDIR, CALL_FLOCK, CALL_FCNTL, CALL_MMAP, CALL_OUTPUT, CALL_EXIT,
    CALL_KINDS
};

// What is to become of a call.
struct verdict {
    int fails;
    int error;
    // It does its work before it fails.
    int after;
    // It does a part of its work.
    int partly;
    // What was written to the file since its last flush is lost.
    int loses;
    // The process ends after it.
    int ends;
};

// The function of that name that would have been called without this library.
#define REAL(name)                                                                                                     \
    ({                                                                                                                 \
        static void *volatile found;                                                                                   \
        if (!found) found = dlsym(RTLD_NEXT, #name);                                                                   \
        (__typeof__(&name))found;                                                                                      \
    })

// Counts a call that concerns us, and says what becomes of it.
struct verdict faults_judge(enum call kind, int ours, const char *path, int descriptor);
// Ends the process as SIGKILL does.
void faults_end(void) __attribute__((noreturn));

// Whether a path lies in the folder that is watched, and whether a descriptor was opened there.
int faults_is_ours(int folder, const char *path);
int faults_owns(int descriptor);
// The same for a descriptor that the C library opened by itself.
int faults_holds(int descriptor);
void faults_opened(int descriptor, const char *path);
void faults_doubled(int descriptor, int other);
void faults_closed(int descriptor);
// Where a name leads, as an absolute path.
void faults_path(int folder, const char *path, char *whole);
// The folder that is watched.
const char *faults_folder(void);
// Whether anything asks what is not flushed yet.
int faults_remembers(void);

// What is not flushed yet: the old bytes of files, and changes of names in folders.
void unflushed_opened(int descriptor, int folder, const char *path, int makes);
void unflushed_write(int descriptor, off_t offset, size_t count);
void unflushed_cut(int descriptor, off_t length);
void unflushed_lose(int descriptor);
void unflushed_flushed(int descriptor);
// The same of everything.
void unflushed_all_flushed(void);
struct change *unflushed_rename(int from, const char *path, int to, const char *other);
struct change *unflushed_unlink(int folder, const char *path, int is_folder);
struct change *unflushed_make(int folder, const char *path, int is_folder);
// Whether the change was made.
void unflushed_did(struct change *change, int done);
// The power fails: every file and folder is what it was when it was last flushed.
void unflushed_undo_all(void);
