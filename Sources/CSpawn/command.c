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

// What the owner has said, or end of file; false when the supervisor is to go.
static bool owner_speaks(void) {
  int news;
  while ((news = flowdex_command_wait(3600000, true)) == nothing) {
  }
  return news == owner_spoke;
}

static _Noreturn void supervise(int link) {
  reset_signals();
  // Foreign descriptors go first of all: an open file description's lock ends only with its last copy.
  dup3(link, link_fd, O_CLOEXEC);
  close_from(output_fd);
  int null = open("/dev/null", O_RDWR);
  int32_t null_error = null < 0 ? errno : 0;
  for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
  // All places below that of the signals are taken, whatever the caller had closed.
  if (null_error == 0 && (dup3(0, output_fd, O_CLOEXEC) < 0 || dup3(0, error_fd, O_CLOEXEC) < 0)) null_error = errno;
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
  struct received_command received;
  bool goes_on = true;
  while (goes_on && owner_speaks() && flowdex_command_receive(&received) && owner_speaks()) {
    char gate;
    goes_on = recv(link_fd, &gate, 1, MSG_DONTWAIT) == 1 && flowdex_command_oversee(&received);
    flowdex_command_forget(&received);
  }
  _exit(0);
}

// MARK: The caller's side

static void close_all(int *fds, int count) {
  for (int at = 0; at < count; at++) {
    if (fds[at] >= 0) close(fds[at]);
  }
}

// Moves an end clear of 0 to 2, which the caller may have closed, and of the supervisor's places. False, with errno,
// where there is no descriptor to be had; the end is then as it was.
static bool move_clear(int *end) {
  if (*end >= staging_fd) return true;
  int moved = fcntl(*end, F_DUPFD_CLOEXEC, staging_fd);
  if (moved < 0) return false;
  close(*end);
  *end = moved;
  return true;
}

int32_t flowdex_supervisor_make(struct flowdex_supervisor *made) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  if (!move_clear(&ends[0]) || !move_clear(&ends[1])) {
    int32_t error = errno;
    close_all(ends, 2);
    return error;
  }
  sigset_t all, before;
  sigfillset(&all);
  // A handler that ran in the fork before the reset would write to the caller's descriptors.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = fork();
  int32_t error = errno;
  if (pid == 0) supervise(ends[1]);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return error;
  }
  int64_t start_ticks = 0;
  ssize_t count;
  do {
    count = recv(ends[0], &start_ticks, sizeof start_ticks, MSG_WAITALL);
  } while (count < 0 && errno == EINTR);
  if (count != (ssize_t)sizeof start_ticks || start_ticks < 0) {
    close(ends[0]);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (count == (ssize_t)sizeof start_ticks) return (int32_t)-start_ticks;
    // It was killed before it could say anything, as one is for whom there is no memory.
    return ENOMEM;
  }
  *made = (struct flowdex_supervisor){pid, ends[0], start_ticks};
  return 0;
}

bool flowdex_supervisor_is_ready(int32_t pid, int32_t link) {
  siginfo_t change;
  change.si_pid = 0;
  // WNOWAIT: it is asked again, and collected elsewhere.
  if (waitid(P_PID, (id_t)pid, &change, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 || change.si_pid != 0) return false;
  char byte;
  return recv(link, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

int32_t flowdex_command_prepare(int32_t link, const struct flowdex_command *command,
                                struct flowdex_command_streams *streams) {
  // The read end and the write end of the output, then of the error.
  int ends[4] = {-1, -1, -1, -1};
  bool made = pipe2(ends, O_CLOEXEC) == 0 && pipe2(ends + 2, O_CLOEXEC) == 0;
  for (int at = 0; made && at < 4; at++) made = ends[at] > 2 || move_clear(&ends[at]);
  if (made) made = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[2], F_SETFL, O_NONBLOCK) == 0;
  if (!made) {
    int32_t error = errno;
    close_all(ends, 4);
    return error;
  }
  int theirs[2] = {ends[1], ends[3]};
  int32_t error = flowdex_command_send(link, command, theirs);
  close_all(theirs, 2);
  if (error != 0) {
    close(ends[0]);
    close(ends[2]);
    return error;
  }
  *streams = (struct flowdex_command_streams){ends[0], ends[2]};
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
