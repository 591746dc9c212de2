// Linux calls that glibc's headers hide without _GNU_SOURCE.
#include <stdint.h>

extern int sync_file_range(int descriptor, int64_t offset, int64_t count, unsigned int flags);
extern int renameat2(int from, const char *name, int to, const char *other, unsigned int flags);
extern int syncfs(int descriptor);

static const unsigned int ipfskit_rename_noreplace = 1;

static const unsigned int ipfskit_sync_file_range_write = 2;

static const long ipfskit_utime_omit = (1L << 30) - 2;

extern int mallopt(int parameter, int value);

static const int ipfskit_arena_max = -8;
static const int ipfskit_mmap_threshold = -3;
static const int ipfskit_trim_threshold = -1;
