// The calls that name files, and those that start and wait.

#include "shim.h"

#include <poll.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>

int renameat(int folder, const char *from, int other, const char *to) {
  REAL("renameat", int, int, const char *, int, const char *);
  CHANGE(call_rename, from, int, real(folder, from, other, to), shim_record_paths(r_rename, folder, from, other, to));
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int renameat2(int folder, const char *from, int other, const char *to, unsigned flags) {
  REAL("renameat2", int, int, const char *, int, const char *, unsigned);
  CHANGE(call_rename, from, int, real(folder, from, other, to, flags),
         shim_record_paths(r_rename, folder, from, other, to));
}

int linkat(int folder, const char *from, int other, const char *to, int flags) {
  REAL("linkat", int, int, const char *, int, const char *, int);
  CHANGE(call_link, to, int, real(folder, from, other, to, flags), shim_record_paths(r_link, folder, from, other, to));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int folder, const char *path) {
  REAL("symlinkat", int, const char *, int, const char *);
  CHANGE(call_symlink, path, int, real(target, folder, path), shim_record_link(target, folder, path));
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

int unlinkat(int folder, const char *path, int flags) {
  REAL("unlinkat", int, int, const char *, int);
  CHANGE(flags & AT_REMOVEDIR ? call_rmdir : call_unlink, path, int, real(folder, path, flags),
         shim_record_paths(flags & AT_REMOVEDIR ? r_rmdir : r_unlink, folder, path, 0, NULL));
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
  REAL("mkdirat", int, int, const char *, mode_t);
  CHANGE(call_mkdir, path, int, real(folder, path, mode), shim_record_paths(r_mkdir, folder, path, 0, NULL));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int fchmodat(int folder, const char *path, mode_t mode, int flags) {
  REAL("fchmodat", int, int, const char *, mode_t, int);
  PLAIN(call_chmod, path, int, real(folder, path, mode, flags));
}
int chmod(const char *path, mode_t mode) { return fchmodat(AT_FDCWD, path, mode, 0); }

int fchmod(int fd, mode_t mode) {
  REAL("fchmod", int, int, mode_t);
  PLAIN(call_chmod, NULL, int, real(fd, mode));
}

int fstatat(int folder, const char *path, struct stat *into, int flags) {
  REAL("fstatat", int, int, const char *, struct stat *, int);
  PLAIN(call_stat, path, int, real(folder, path, into, flags));
}
int lstat(const char *path, struct stat *into) { return fstatat(AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW); }
int stat(const char *path, struct stat *into) { return fstatat(AT_FDCWD, path, into, 0); }
int lstat64(const char *path, struct stat64 *into) { return lstat(path, (struct stat *)into); }
int stat64(const char *path, struct stat64 *into) { return stat(path, (struct stat *)into); }

int fstat(int fd, struct stat *into) {
  REAL("fstat", int, int, struct stat *);
  PLAIN(call_stat, NULL, int, real(fd, into));
}
int fstat64(int fd, struct stat64 *into) { return fstat(fd, (struct stat *)into); }

int access(const char *path, int mode) {
  REAL("access", int, const char *, int);
  PLAIN(call_access, path, int, real(path, mode));
}

int statfs(const char *path, struct statfs *into) {
  REAL("statfs", int, const char *, struct statfs *);
  PLAIN(call_statfs, path, int, real(path, into));
}
int statfs64(const char *path, struct statfs64 *into) { return statfs(path, (struct statfs *)into); }

ssize_t readlink(const char *path, char *into, size_t count) {
  REAL("readlink", ssize_t, const char *, char *, size_t);
  PLAIN(call_readlink, path, ssize_t, real(path, into, count));
}

#define ARGUMENT(last) \
  va_list rest; \
  va_start(rest, last); \
  void *argument = va_arg(rest, void *); \
  va_end(rest);

static bool is_lock(int command) {
  return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

static int fcntl_it(int fd, int command, void *argument) {
  REAL("fcntl", int, int, int, ...);
  // Not made to fail: no local file system refuses to take a lock back.
  bool is_unlock = is_lock(command) && ((struct flock *)argument)->l_type == F_UNLCK;
  PLAIN(is_unlock ? call_unlock : is_lock(command) ? call_lock : call_fcntl, NULL, int, real(fd, command, argument));
}
int fcntl(int fd, int command, ...) { ARGUMENT(command) return fcntl_it(fd, command, argument); }
int fcntl64(int fd, int command, ...) { ARGUMENT(command) return fcntl_it(fd, command, argument); }

int flock(int fd, int operation) {
  REAL("flock", int, int, int);
  PLAIN(call_lock, NULL, int, real(fd, operation));
}

int ioctl(int fd, unsigned long request, ...) {
  ARGUMENT(request)
  REAL("ioctl", int, int, unsigned long, ...);
  PLAIN(call_ioctl, NULL, int, real(fd, request, argument));
}

// What is forked runs on without faults, and never waits for a turn that another thread had.
pid_t fork(void) {
  REAL("fork", pid_t, void);
  enum verdict verdict = shim_enter(call_fork, NULL);
  if (verdict == refuse) return -1;
  pid_t pid = real();
  if (pid == 0) shim_on = false;
  else if (verdict != pass) shim_die();
  return pid;
}

// Gives the error and leaves errno alone.
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  REAL("pthread_create", int, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  enum verdict verdict = shim_enter(call_thread, NULL);
  if (verdict == refuse) return errno;
  int code = real(thread, attributes, body, argument);
  if (verdict != pass) shim_die();
  return code;
}

pid_t waitpid(pid_t pid, int *status, int options) {
  REAL("waitpid", pid_t, pid_t, int *, int);
  PLAIN(call_wait, NULL, pid_t, real(pid, status, options));
}

int pipe2(int ends[2], int flags) {
  REAL("pipe2", int, int *, int);
  PLAIN(call_pipe, NULL, int, real(ends, flags));
}
int pipe(int ends[2]) { return pipe2(ends, 0); }

int socketpair(int domain, int type, int protocol, int ends[2]) {
  REAL("socketpair", int, int, int, int, int *);
  PLAIN(call_socketpair, NULL, int, real(domain, type, protocol, ends));
}

int inotify_init1(int flags) {
  REAL("inotify_init1", int, int);
  PLAIN(call_inotify, NULL, int, real(flags));
}
int inotify_init(void) { return inotify_init1(0); }

int inotify_add_watch(int fd, const char *path, uint32_t mask) {
  REAL("inotify_add_watch", int, int, const char *, uint32_t);
  PLAIN(call_watch, path, int, real(fd, path, mask));
}

int poll(struct pollfd *entries, nfds_t count, int timeout) {
  REAL("poll", int, struct pollfd *, nfds_t, int);
  PLAIN(call_poll, NULL, int, real(entries, count, timeout));
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
  REAL("send", ssize_t, int, const void *, size_t, int);
  PLAIN(call_send, NULL, ssize_t, real(fd, bytes, count, flags));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  REAL("sendmsg", ssize_t, int, const struct msghdr *, int);
  PLAIN(call_sendmsg, NULL, ssize_t, real(fd, message, flags));
}

ssize_t recv(int fd, void *into, size_t count, int flags) {
  REAL("recv", ssize_t, int, void *, size_t, int);
  PLAIN(call_recv, NULL, ssize_t, real(fd, into, count, flags));
}
