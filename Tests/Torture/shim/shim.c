// Stands between flowdex and the C library (LD_PRELOAD): kills flowdex at the n-th call of a function, makes that
// call fail, or writes down everything that changes a file.
//
// Calls are counted by name over all threads of flowdex; what it forks counts nothing. Told by the environment:
//
//   TORTURE_FAULT  before:NAME:N   SIGKILL in place of the call     after:NAME:N  SIGKILL once the call has returned
//                  torn:NAME:N     SIGKILL after half of a write    short:NAME:N  half of a write, and no error
//                  once:NAME:N:ERRNO    this one call fails
//                  stuck:NAME:N:ERRNO   this call fails, and every later one that the same cause would fail
//                  brief:NAME:N:ERRNO   this call fails, and the next one that the same cause would fail
//   TORTURE_ONLY   only calls that name a file are counted, by a path that ends so
//   TORTURE_HIT    where to say that the fault was met, and at which file; a line for each call, but of a stuck one
//   TORTURE_CALLS  where to write the name of every call, a line each
//   TORTURE_TRACE  where to record what changes files (trace.py reads it)
//   TORTURE_BOOT   the file that stands for the kernel's boot id
//
// What goes past the C library is not seen: strace has those (torture.py).

#include "shim.h"

#include <pthread.h>
#include <sys/uio.h>

#define TEXT(name) #name,
static const char *const names[] = {NAMES(TEXT)};

bool shim_on;
static enum fault fault;
static int at_call, at_number, with_errno;
static atomic_int counts[calls];
static atomic_bool is_stuck;
static int calls_fd = -1, trace_fd = -1;
static const char *hit_path, *boot_path, *only;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static void raw_write(int fd, const void *bytes, size_t count) { syscall(SYS_write, fd, bytes, count); }

static void say_hit(enum call call, int number, const char *what) {
  if (!hit_path) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, hit_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "%s#%d %s\n", names[call], number, what ? what : "");
  raw_write(fd, line, (size_t)length);
  syscall(SYS_close, fd);
}

_Noreturn void shim_die(void) {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) syscall(SYS_pause);
}

static int number_of(const char *name) {
  for (int at = 0; at < calls; at++)
    if (strcmp(name, names[at]) == 0) return at;
  return -1;
}

static int open_own(const char *variable) {
  const char *path = getenv(variable);
  if (!path) return -1;
  int low = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  // Out of the way of the numbers that flowdex gets, which it hands to select-like calls.
  int high = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
  syscall(SYS_close, low);
  return high;
}

__attribute__((constructor)) static void begin(void) {
  char comm[32] = "", name[32] = "", kind[16] = "";
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
  syscall(SYS_read, fd, comm, sizeof comm - 1);
  syscall(SYS_close, fd);
  if (strcmp(comm, "flowdex\n") != 0) return;
  const char *text = getenv("TORTURE_FAULT");
  static const char *const kinds[] = {"", "before", "after", "torn", "short", "once", "stuck", "brief"};
  if (text && sscanf(text, "%15[a-z]:%31[a-z]:%d:%d", kind, name, &at_number, &with_errno) >= 3) {
    for (int at = 1; at <= brief; at++)
      if (strcmp(kind, kinds[at]) == 0) fault = (enum fault)at;
    at_call = number_of(name);
  }
  only = getenv("TORTURE_ONLY");
  hit_path = getenv("TORTURE_HIT");
  boot_path = getenv("TORTURE_BOOT");
  calls_fd = open_own("TORTURE_CALLS");
  trace_fd = open_own("TORTURE_TRACE");
  shim_on = true;
}

// Whether the cause behind the errno would fail this call too: a full disk, a broken one, no descriptors.
static bool has_same_cause(enum call call) {
  switch (with_errno) {
    case ENOSPC:
      return call == call_write || call == call_pwrite || call == call_create || call == call_mkdir
        || call == call_symlink || call == call_link;
    case EIO:
      return call == call_write || call == call_pwrite || call == call_fsync || call == call_fdatasync
        || call == call_syncfs || call == call_create || call == call_rename || call == call_mkdir;
    case EROFS:
      return call == call_write || call == call_pwrite || call == call_create || call == call_mkdir
        || call == call_symlink || call == call_link || call == call_rename || call == call_unlink
        || call == call_rmdir || call == call_chmod || call == call_ftruncate;
    case EMFILE:
      return call == call_open || call == call_create || call == call_opendir || call == call_fopen
        || call == call_pipe || call == call_socketpair || call == call_inotify;
    default: return call == (enum call)at_call;
  }
}

static bool ends_with(const char *path, const char *end) {
  size_t length = strlen(path), least = strlen(end);
  return length >= least && strcmp(path + length - least, end) == 0;
}

enum verdict shim_enter(enum call call, const char *what) {
  if (!shim_on || (only && !(what && ends_with(what, only)))) return pass;
  int number = atomic_fetch_add(&counts[call], 1) + 1;
  if (calls_fd >= 0) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s\t%s\n", names[call], what ? what : "");
    raw_write(calls_fd, line, (size_t)length);
  }
  if (fault == nothing) return pass;
  bool is_here = call == (enum call)at_call && number == at_number;
  if ((fault == stuck || fault == brief) && is_here) atomic_store(&is_stuck, true);
  if (atomic_load(&is_stuck) && has_same_cause(call)) {
    if (fault == brief && !is_here) atomic_store(&is_stuck, false);
    if (fault == brief || is_here) say_hit(call, number, what);
    errno = with_errno;
    return refuse;
  }
  if (!is_here) return pass;
  say_hit(call, number, what);
  switch (fault) {
    case before: shim_die();
    case after: return then_die;
    case torn: return half_then_die;
    case shortened: return half;
    case once: errno = with_errno; return refuse;
    case stuck:
    case brief: errno = with_errno; return refuse;
    case nothing: break;
  }
  return pass;
}

size_t shim_cut(enum verdict verdict, size_t count) {
  return verdict == half || verdict == half_then_die ? (count + 1) / 2 : count;
}

bool shim_counts_closes(void) { return fault == before || fault == after || calls_fd >= 0; }

const char *shim_boot(const char *path) {
  return boot_path && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? boot_path : path;
}

// MARK: The trace

struct header {
  uint8_t kind;
  uint8_t flags;
  uint16_t pad;
  uint32_t first, second, unused;
  int64_t offset;
};

static void record(enum record kind, int flags, int64_t offset, const char *path, const void *second, size_t size) {
  struct header header = {kind, (uint8_t)flags, 0, (uint32_t)strlen(path), (uint32_t)size, 0, offset};
  struct iovec parts[] = {{&header, sizeof header}, {(void *)path, header.first}, {(void *)second, size}};
  syscall(SYS_writev, trace_fd, parts, 3);
}

bool shim_is_file(int fd) {
  struct stat status;
  return syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0 && S_ISREG(status.st_mode);
}

static char *absolute(int folder, const char *path, char *into) {
  if (path[0] == '/') return strncpy(into, path, PATH_MAX - 1);
  char link[64];
  if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  long length = syscall(SYS_readlink, link, into, PATH_MAX - 1);
  if (length < 0) length = 0;
  snprintf(into + length, (size_t)(PATH_MAX - length), "/%s", path);
  return into;
}

// The order of the trace is the order of the calls: one at a time, while a trace is taken.
void shim_take_turn(void) { if (shim_on && trace_fd >= 0) pthread_mutex_lock(&order); }
void shim_end_turn(void) { if (shim_on && trace_fd >= 0) pthread_mutex_unlock(&order); }
bool shim_traced(long result) { return shim_on && trace_fd >= 0 && result >= 0; }


// Where the file is now: the kernel follows renames.
static const char *path_of(int fd, char *into) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long length = syscall(SYS_readlink, link, into, PATH_MAX - 1);
  into[length < 0 ? 0 : length] = 0;
  return into;
}

const char *shim_file(int fd) {
  static _Thread_local char path[PATH_MAX];
  return shim_on && hit_path ? path_of(fd, path) : NULL;
}

void shim_record(enum record kind, int fd) {
  char path[PATH_MAX];
  record(kind, 0, 0, path_of(fd, path), NULL, 0);
}

void shim_record_open(int folder, const char *path, int flags) {
  char full[PATH_MAX] = "";
  record(r_open, flags & O_TRUNC ? 1 : 0, 0, absolute(folder, path, full), NULL, 0);
}

void shim_record_write(int fd, const void *bytes, ssize_t count, off_t offset) {
  char path[PATH_MAX];
  if (fd == 1) {
    record(r_print, 0, 0, "", bytes, (size_t)count);
  } else if (shim_is_file(fd)) {
    if (offset < 0) offset = syscall(SYS_lseek, fd, 0, SEEK_CUR) - count;
    record(r_write, 0, offset, path_of(fd, path), bytes, (size_t)count);
  }
}

void shim_record_size(int fd, off_t size) {
  char path[PATH_MAX];
  record(r_truncate, 0, size, path_of(fd, path), NULL, 0);
}

void shim_record_paths(enum record kind, int folder, const char *from, int other, const char *to) {
  char first[PATH_MAX] = "", second[PATH_MAX] = "";
  if (to) absolute(other, to, second);
  absolute(folder, from, first);
  // A file without a name is linked by its descriptor: what matters is which file that is.
  int fd;
  if (kind == r_link && sscanf(first, "/proc/self/fd/%d", &fd) == 1) path_of(fd, first);
  record(kind, 0, 0, first, second, strlen(second));
}

void shim_record_link(const char *target, int folder, const char *path) {
  char full[PATH_MAX] = "";
  record(r_symlink, 0, 0, absolute(folder, path, full), target, strlen(target));
}
