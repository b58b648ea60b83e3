// The calls that open, read, write and sync.

#include "shim.h"

static int open_it(int folder, const char *path, int flags, mode_t mode) {
  REAL("openat", int, int, const char *, int, ...);
  CHANGE(flags & O_CREAT ? call_create : call_open, path, int, real(folder, shim_boot(path), flags, mode),
         if ((flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT) shim_record_open(folder, path, flags));
}

#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  }
int open(const char *path, int flags, ...) { MODE(flags) return open_it(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_it(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return open_it(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return open_it(folder, path, flags, mode); }

#define POINTER(call, what, type, expression) \
  do { \
    enum verdict verdict = shim_enter(call, what); \
    if (verdict == refuse) return NULL; \
    type *result = (expression); \
    if (verdict != pass) shim_die(); \
    return result; \
  } while (0)

DIR *opendir(const char *path) {
  REAL("opendir", DIR *, const char *);
  POINTER(call_opendir, path, DIR, real(path));
}

DIR *fdopendir(int fd) {
  REAL("fdopendir", DIR *, int);
  POINTER(call_fdopendir, NULL, DIR, real(fd));
}

FILE *fopen(const char *path, const char *mode) {
  REAL("fopen", FILE *, const char *, const char *);
  POINTER(call_fopen, path, FILE, real(path, mode));
}
FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }

struct dirent *readdir(DIR *folder) {
  REAL("readdir", struct dirent *, DIR *);
  POINTER(call_readdir, NULL, struct dirent, real(folder));
}

// A descriptor is gone even where close(2) fails: it is never made to fail, only to be the last call.
int close(int fd) {
  REAL("close", int, int);
  if (shim_counts_closes()) PLAIN(call_close, NULL, int, real(fd));
  return real(fd);
}

ssize_t read(int fd, void *into, size_t count) {
  REAL("read", ssize_t, int, void *, size_t);
  PLAIN(shim_on && shim_is_file(fd) ? call_read : call_piperead, NULL, ssize_t, real(fd, into, count));
}

ssize_t pread(int fd, void *into, size_t count, off_t offset) {
  REAL("pread", ssize_t, int, void *, size_t, off_t);
  PLAIN(call_pread, NULL, ssize_t, real(fd, into, count, offset));
}
ssize_t pread64(int fd, void *into, size_t count, off_t offset) { return pread(fd, into, count, offset); }

// What is written may be cut in half, and be the last that happens.
#define WRITE(call, expression, at) \
  do { \
    enum verdict verdict = shim_enter(call, shim_file(fd)); \
    if (verdict == refuse) return -1; \
    count = shim_cut(verdict, count); \
    shim_take_turn(); \
    ssize_t result = (expression); \
    int error = errno; \
    if (shim_traced(result)) shim_record_write(fd, bytes, result, at); \
    shim_end_turn(); \
    errno = error; \
    if (verdict == half_then_die || verdict == then_die) shim_die(); \
    return result; \
  } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
  REAL("write", ssize_t, int, const void *, size_t);
  enum call call = fd <= 2 ? call_print : shim_on && shim_is_file(fd) ? call_write : call_pipewrite;
  WRITE(call, real(fd, bytes, count), -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  REAL("pwrite", ssize_t, int, const void *, size_t, off_t);
  WRITE(call_pwrite, real(fd, bytes, count, offset), offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return pwrite(fd, bytes, count, offset); }

int fsync(int fd) {
  REAL("fsync", int, int);
  CHANGE(call_fsync, shim_file(fd), int, real(fd), shim_record(r_sync, fd));
}

int fdatasync(int fd) {
  REAL("fdatasync", int, int);
  CHANGE(call_fdatasync, shim_file(fd), int, real(fd), shim_record(r_datasync, fd));
}

int syncfs(int fd) {
  REAL("syncfs", int, int);
  CHANGE(call_syncfs, NULL, int, real(fd), shim_record(r_syncfs, fd));
}

void sync(void) {
  REAL("sync", void, void);
  shim_enter(call_syncfs, NULL);
  real();
}

int ftruncate(int fd, off_t size) {
  REAL("ftruncate", int, int, off_t);
  CHANGE(call_ftruncate, shim_file(fd), int, real(fd, size), shim_record_size(fd, size));
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }
