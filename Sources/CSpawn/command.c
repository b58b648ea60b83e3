// The supervisor of a host command, from the fork to its gate; CSpawnCommand.h says what it is for. Between
// fork and exec only async-signal-safe calls are made: the caller has other threads.

#define _GNU_SOURCE
#include "command_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Where the caller moves ends before the fork, clear of the supervisor's places.
enum { staging_fd = 16 };

// MARK: The supervisor

static void close_from(unsigned first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  struct rlimit limit;
  unsigned end = 65536;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < end) end = (unsigned)limit.rlim_cur;
  for (unsigned fd = first; fd < end; fd++) close((int)fd);
}

// Ignored signals stay ignored over exec, and the caller's handlers would write to descriptors that are gone.
static void reset_signals(void) {
  // The kernel's own struct, all zero, is SIG_DFL; the library's call refuses the two signals that it keeps
  // for itself, which a careless ancestor may have left ignored.
  const uint64_t standard[8] = {0};
  for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, standard, NULL, 8);
}

static bool open_signals(void) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGHUP);
  sigaddset(&watched, SIGQUIT);
  // Everything below it is taken and everything above is closed.
  return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK) == signals_fd;
}

static void wear_mark(int64_t start_ticks) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0) return;
  limit.rlim_cur = flowdex_command_mark(getpid(), start_ticks);
  if (limit.rlim_cur <= limit.rlim_max) setrlimit(RLIMIT_RTTIME, &limit);
}

// 0, or the errno of what the supervisor cannot be without. `null_error` is that of opening /dev/null.
static int32_t get_ready(int32_t null_error, int64_t *start_ticks) {
  if (null_error != 0) return null_error;
  errno = 0;
  if (!open_signals() || setsid() != getpid() || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    return errno != 0 ? errno : ENOSYS;
  }
  int64_t parent = 0;
  if (flowdex_command_read_stat("/proc/self/stat", &parent, start_ticks)) return 0;
  // Without /proc no supervisor can be made, ever; anything else may pass.
  return errno == 0 || errno == ENOENT ? ENOSYS : errno;
}

static _Noreturn void supervise(const struct flowdex_command *command, int link, int output, int error) {
  reset_signals();
  // Foreign descriptors go first of all: an open file description's lock ends only with its last copy.
  dup3(link, link_fd, O_CLOEXEC);
  dup3(output, output_fd, O_CLOEXEC);
  dup3(error, error_fd, O_CLOEXEC);
  close_from(signals_fd);
  int null = open("/dev/null", O_RDWR);
  int32_t null_error = null < 0 ? errno : 0;
  for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
  close_from(signals_fd);
  int64_t start_ticks = 0;
  int32_t not_ready = get_ready(null_error, &start_ticks);
  if (not_ready != 0) {
    start_ticks = -(int64_t)not_ready;
    send(link_fd, &start_ticks, sizeof start_ticks, MSG_NOSIGNAL);
    _exit(1);
  }
  prctl(PR_SET_NAME, "flowdex-command");
  wear_mark(start_ticks);
  send(link_fd, &start_ticks, sizeof start_ticks, MSG_NOSIGNAL);
  int news;
  while ((news = flowdex_command_wait(3600000, true)) == nothing) {
  }
  char gate;
  if (news == owner_spoke && recv(link_fd, &gate, 1, MSG_DONTWAIT) == 1) flowdex_command_oversee(command);
  _exit(0);
}

// MARK: The caller's side

static void close_all(int *fds, int count) {
  for (int at = 0; at < count; at++) {
    if (fds[at] >= 0) close(fds[at]);
  }
}

// Six ends: the socket's, the output's and the error's, the caller's before the supervisor's. All are clear
// of 0 to 2, which the caller may have closed, and of the supervisor's places.
static int32_t make_ends(int *ends) {
  for (int at = 0; at < 6; at++) ends[at] = -1;
  bool made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 && pipe2(ends + 2, O_CLOEXEC) == 0
    && pipe2(ends + 4, O_CLOEXEC) == 0;
  for (int at = 0; made && at < 6; at++) {
    if (ends[at] >= staging_fd) continue;
    int moved = fcntl(ends[at], F_DUPFD_CLOEXEC, staging_fd);
    made = moved >= 0;
    if (made) {
      close(ends[at]);
      ends[at] = moved;
    }
  }
  if (made) made = fcntl(ends[2], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[4], F_SETFL, O_NONBLOCK) == 0;
  if (made) return 0;
  int32_t error = errno;
  close_all(ends, 6);
  return error;
}

int32_t flowdex_command_prepare(const struct flowdex_command *command, struct flowdex_supervisor *made) {
  int ends[6];
  int32_t error = make_ends(ends);
  if (error != 0) return error;
  sigset_t all, before;
  sigfillset(&all);
  // A handler that ran in the fork before the reset would write to the caller's descriptors.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  error = errno;
  if (pid == 0) supervise(command, ends[1], ends[3], ends[5]);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (pid < 0) {
    close_all(ends, 6);
    return error;
  }
  close(ends[1]);
  close(ends[3]);
  close(ends[5]);
  int64_t start_ticks = 0;
  ssize_t count;
  do {
    count = recv(ends[0], &start_ticks, sizeof start_ticks, MSG_WAITALL);
  } while (count < 0 && errno == EINTR);
  if (count != (ssize_t)sizeof start_ticks || start_ticks < 0) {
    int callers[3] = {ends[0], ends[2], ends[4]};
    close_all(callers, 3);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (count == (ssize_t)sizeof start_ticks) return (int32_t)-start_ticks;
    // It was killed before it could say anything, as one is for whom there is no memory.
    return ENOMEM;
  }
  *made = (struct flowdex_supervisor){pid, ends[0], ends[2], ends[4], start_ticks};
  return 0;
}

uint64_t flowdex_command_mark(int32_t pid, int64_t start_ticks) {
  // 2^62 µs and up; 40 bits of ticks are 348 years of uptime, 22 bits hold every pid (PID_MAX_LIMIT).
  uint64_t ticks = (uint64_t)start_ticks & ((1ULL << 40) - 1);
  return 1ULL << 62 | ticks << 22 | ((uint64_t)pid & ((1ULL << 22) - 1));
}

int32_t flowdex_command_pidfd(int32_t pid) { return (int32_t)syscall(SYS_pidfd_open, pid, 0); }

int32_t flowdex_command_pidfd_signal(int32_t pidfd, int32_t number) {
  return (int32_t)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}
