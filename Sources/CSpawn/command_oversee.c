// A supervisor's life once its gate is open: the command's start, its time, and the end of everything that
// it started. Only async-signal-safe calls are made, for this runs in a fork of a process that has other threads.

#define _GNU_SOURCE
#include "command_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int64_t kill_patience_ms = 10000;

struct family {
  pid_t leader;
  bool leader_ended;
  int status;
  int64_t ended_ms;
  bool timed_out;
};

// A signal to end has come, at whatever moment: no further command is taken.
static bool is_told_to_end;

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// MARK: /proc

// The name in field 2 may hold anything, so fields are counted from the last parenthesis.
bool flowdex_command_read_stat(const char *path, int64_t *parent, int64_t *start) {
  char text[1024];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count <= 0) return false;
  text[count] = 0;
  char *at = strrchr(text, ')');
  if (!at) return false;
  for (int field = 3; field <= 22; field++) {
    at = strchr(at, ' ');
    if (!at) return false;
    at++;
    if (field == 4) *parent = strtoll(at, NULL, 10);
    if (field == 22) *start = strtoll(at, NULL, 10);
  }
  return true;
}

// The pid is a child that has not been waited for, so neither it nor its group's number can have been reused.
static void kill_child(pid_t pid) {
  pid_t group = getpgid(pid);
  // A group is signalled as one: a member cannot fork its way past it.
  if (group > 0 && group != getpgrp()) kill(-group, SIGKILL);
  kill(pid, SIGKILL);
}

// For kernels without CONFIG_PROC_CHILDREN: every process of the machine is asked for its parent.
static void kill_children_by_scan(void) {
  struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
  };
  _Alignas(struct entry) char buffer[16384];
  int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  pid_t self = getpid();
  long count;
  while ((count = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < count;) {
      struct entry *entry = (struct entry *)(buffer + at);
      at += entry->length;
      long pid = strtol(entry->name, NULL, 10);
      if (pid <= 0 || strlen(entry->name) > 10) continue;
      char path[64] = "/proc/";
      strcat(strcat(path, entry->name), "/stat");
      int64_t parent = 0, start = 0;
      if (flowdex_command_read_stat(path, &parent, &start) && parent == self) kill_child((pid_t)pid);
    }
  }
  close(folder);
}

// Kills each child as it is read from the kernel's list: the least time for it to have forked and gone.
static void kill_children(void) {
  int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    kill_children_by_scan();
    return;
  }
  char text[512];
  pid_t pid = 0;
  ssize_t count;
  while ((count = read(file, text, sizeof text)) > 0) {
    for (ssize_t at = 0; at < count; at++) {
      if (text[at] >= '0' && text[at] <= '9') {
        pid = pid * 10 + (text[at] - '0');
      } else if (pid > 0) {
        kill_child(pid);
        pid = 0;
      }
    }
  }
  close(file);
}

// MARK: The command

struct start_failure {
  int32_t step;
  int32_t error;
};

static _Noreturn void give_up(int failures, int32_t step, int32_t error) {
  struct start_failure failure = {step, error};
  while (write(failures, &failure, sizeof failure) < 0 && errno == EINTR) {
  }
  _exit(127);
}

// The child of vfork: it borrows the supervisor's memory, and so only calls the kernel until it is the
// command.
static _Noreturn void become(const struct flowdex_command *command, pid_t supervisor, int failures) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(127);
  dup2(output_fd, STDOUT_FILENO);
  dup2(error_fd, STDERR_FILENO);
  if (chdir(command->cwd) != 0) give_up(failures, FLOWDEX_COMMAND_FOLDER, errno);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int32_t error = ENOENT;
  for (char *const *path = command->candidates; *path; path++) {
    execve(*path, command->argv, command->environment);
    if (errno == ENOENT && access(*path, F_OK) == 0) give_up(failures, FLOWDEX_COMMAND_INTERPRETER, ENOENT);
    if (errno == EACCES) {
      error = EACCES;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      give_up(failures, FLOWDEX_COMMAND_EXEC, errno);
    }
  }
  give_up(failures, FLOWDEX_COMMAND_EXEC, error);
}

// The pid, or 0 with the failed step in the report. Failures come through a pipe that exec closes.
static pid_t start(const struct flowdex_command *command, struct flowdex_command_report *report) {
  int ends[2] = {-1, -1};
  pid_t supervisor = getpid();
  pid_t pid = -1;
  if (pipe2(ends, O_CLOEXEC) == 0) pid = vfork();
  if (pid == 0) become(command, supervisor, ends[1]);
  if (pid < 0) {
    report->step = FLOWDEX_COMMAND_FORK;
    report->error = errno;
    // A supervisor serves other commands after this one.
    for (int at = 0; at < 2; at++) {
      if (ends[at] >= 0) close(ends[at]);
    }
    return 0;
  }
  close(ends[1]);
  struct start_failure failure;
  ssize_t count;
  do {
    count = read(ends[0], &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  close(ends[0]);
  if (count != (ssize_t)sizeof failure) return pid;
  report->step = failure.step;
  report->error = failure.error;
  return 0;
}

// MARK: Watching over it

int flowdex_command_wait(int64_t timeout_ms, bool with_link) {
  struct pollfd entries[2] = {{signals_fd, POLLIN, 0}, {link_fd, POLLIN, 0}};
  int timeout = timeout_ms > 3600000 ? 3600000 : timeout_ms < 0 ? 0 : (int)timeout_ms;
  if (poll(entries, with_link ? 2 : 1, timeout) <= 0) return nothing;
  int news = with_link && entries[1].revents != 0 ? owner_spoke : nothing;
  struct signalfd_siginfo signal;
  while (read(signals_fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
    if (signal.ssi_signo != SIGCHLD) news |= signal_to_end;
  }
  if (news & signal_to_end) is_told_to_end = true;
  return news;
}

// Collects every child that has ended; false when there is no child, and so no descendant, any more.
static bool reap(struct family *family) {
  for (;;) {
    siginfo_t ended;
    ended.si_pid = 0;
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (ended.si_pid == 0) return true;
    bool is_leader = ended.si_pid == family->leader;
    // While the leader is a zombie its pid is still the group's number and nobody else's.
    if (is_leader && !family->timed_out) kill(-family->leader, SIGKILL);
    int status = 0;
    if (waitpid(ended.si_pid, &status, 0) != ended.si_pid || !is_leader) continue;
    family->leader_ended = true;
    family->status = status;
    family->ended_ms = now_ms();
  }
}

// Until the command has ended by itself, its time and its grace are over, or the owner is gone.
static void follow(const struct flowdex_command *command, struct family *family, int64_t began) {
  int64_t deadline = began + command->timeout_ms;
  while (reap(family)) {
    if (family->leader_ended) {
      if (!family->timed_out) return;
      // After SIGTERM the rest of the group may still be tidying up.
      if (kill(-family->leader, 0) != 0 && errno == ESRCH) return;
    }
    int64_t left = deadline - now_ms();
    if (left <= 0) {
      if (family->timed_out) return;
      family->timed_out = true;
      kill(-family->leader, SIGTERM);
      kill(-family->leader, SIGCONT);
      deadline = now_ms() + command->grace_ms;
      continue;
    }
    // The owner has nothing more to say: this is its end of the socket closing.
    if (flowdex_command_wait(left, true) != nothing) return;
  }
}

// Kills until nothing is left. False if the patience ended first: something sleeps in the kernel or belongs
// to another user.
static bool kill_all(struct family *family, int64_t patience_ms) {
  int64_t limit = now_ms() + patience_ms;
  int64_t pause = 1;
  while (reap(family)) {
    if (now_ms() >= limit) return false;
    kill_children();
    flowdex_command_wait(pause, false);
    if (pause < 64) pause *= 2;
  }
  return true;
}

bool flowdex_command_oversee(const struct received_command *received) {
  const struct flowdex_command *command = &received->command;
  struct flowdex_command_report report = {0};
  struct family family = {0};
  int64_t began = now_ms();
  if (received->memory) {
    family.leader = start(command, &report);
  } else {
    report.step = FLOWDEX_COMMAND_FORK;
    report.error = ENOMEM;
  }
  // With these the pipes would stay open for as long as the supervisor. Their places stay taken.
  dup3(STDIN_FILENO, output_fd, O_CLOEXEC);
  dup3(STDIN_FILENO, error_fd, O_CLOEXEC);
  if (family.leader > 0) follow(command, &family, began);
  report.leftover = !kill_all(&family, kill_patience_ms);
  report.status = family.leader_ended ? family.status : SIGKILL;
  report.timed_out = family.timed_out;
  report.duration_ms = (family.leader_ended ? family.ended_ms : now_ms()) - began;
  // The command itself may have signalled us as its last deed, which nothing has looked for since.
  flowdex_command_wait(0, false);
  report.goes_on = !report.leftover && !is_told_to_end;
  send(link_fd, &report, sizeof report, MSG_NOSIGNAL);
  if (report.goes_on) return true;
  close(link_fd);
  while (report.leftover && !kill_all(&family, kill_patience_ms)) flowdex_command_wait(1000, false);
  return false;
}
