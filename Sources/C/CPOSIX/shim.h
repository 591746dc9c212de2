// Linux calls that glibc's headers hide without _GNU_SOURCE.
#include <stdint.h>

extern int sync_file_range(int descriptor, int64_t offset, int64_t count, unsigned int flags);
extern int renameat2(int from, const char *name, int to, const char *other, unsigned int flags);
extern int syncfs(int descriptor);

static const unsigned int ipfskit_rename_noreplace = 1;

static const unsigned int ipfskit_sync_file_range_write = 2;

static const long ipfskit_utime_omit = (1L << 30) - 2;

// The number and the time of birth of a file; the error number, or 0. A file system that keeps no such time gives 0.
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/stat.h>

static inline int ipfskit_birth(const char *path, uint64_t *number, int64_t *seconds, uint32_t *nanoseconds) {
    struct statx found;
    extern long syscall(long number, ...);
    if (syscall(SYS_statx, -100 /* AT_FDCWD */, path, 0, STATX_INO | STATX_BTIME, &found) != 0) return errno;
    *number = found.stx_ino;
    int known = (found.stx_mask & STATX_BTIME) != 0;
    *seconds = known ? found.stx_btime.tv_sec : 0;
    *nanoseconds = known ? found.stx_btime.tv_nsec : 0;
    return 0;
}

extern int mallopt(int parameter, int value);

static const int ipfskit_arena_max = -8;
static const int ipfskit_mmap_threshold = -3;
static const int ipfskit_trim_threshold = -1;

// Whether a signal does nothing.
#include <signal.h>

static inline int ipfskit_ignores(int number) {
    struct sigaction action;
    return sigaction(number, 0, &action) == 0 && action.sa_handler == SIG_IGN;
}

// The two halves of a device number (makedev(3)), which are macros there.
#include <sys/sysmacros.h>

static inline unsigned int ipfskit_major(uint64_t device) { return major(device); }
static inline unsigned int ipfskit_minor(uint64_t device) { return minor(device); }

// What child processes are started with.
#include <spawn.h>

extern int pipe2(int ends[2], int flags);
extern int memfd_create(const char *name, unsigned int flags);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

static const short ipfskit_spawn_session = 0x80;
static const unsigned int ipfskit_memory_cloexec = 1;
static const int ipfskit_set_pipe_size = 1031;
static const int ipfskit_get_pipe_size = 1032;

static inline char **ipfskit_variables(void) {
    extern char **environ;
    return environ;
}
