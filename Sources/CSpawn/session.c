// The launcher of a workflow's session. Between fork and exec only async-signal-safe calls are made, for the
// parent has other threads; what goes wrong there comes back through a close-on-exec pipe.

#define _GNU_SOURCE
#include "CSpawnSession.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct failure {
  int stage;
  int code;
};

static void fail(int report, int stage, int code) {
  struct failure failure = {stage, code};
  ssize_t written = write(report, &failure, sizeof failure);
  (void)written;
  _exit(127);
}

/// Lowers a limit where it can be; one that cannot be is not worth failing for, the others hold.
static void limit(int resource, rlim_t value) {
  struct rlimit limit = {value, value};
  setrlimit(resource, &limit);
}

static void reset_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/// 0, 1 and 2 become the channel, the channel and the errors; the report moves to 3; the rest is closed.
static int arrange_descriptors(int channel, int errors, int *report) {
  // First out of the way of 0 to 3, in case one of them stands there.
  int highChannel = fcntl(channel, F_DUPFD_CLOEXEC, 10);
  int highErrors = fcntl(errors, F_DUPFD_CLOEXEC, 10);
  int highReport = fcntl(*report, F_DUPFD_CLOEXEC, 10);
  if (highChannel < 0 || highErrors < 0 || highReport < 0) return errno;
  *report = highReport;
  if (dup2(highChannel, 0) < 0 || dup2(highChannel, 1) < 0 || dup2(highErrors, 2) < 0) return errno;
  if (dup3(highReport, 3, O_CLOEXEC) < 0) return errno;
  *report = 3;
  if (syscall(SYS_close_range, 4U, ~0U, 0U) == 0) return 0;
  for (int descriptor = 4; descriptor < 65536; descriptor++) close(descriptor);
  return 0;
}

static void child(const struct flowdex_session_options *options, pid_t parent, int channel, int errors,
                  int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above: then nobody waits for this process.
  if (getppid() != parent) _exit(127);
  setsid();
  int code = arrange_descriptors(channel, errors, &report);
  if (code != 0) fail(report, FLOWDEX_SESSION_DESCRIPTORS, code);
  if (chdir(options->workingFolder) != 0) fail(report, FLOWDEX_SESSION_FOLDER, errno);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  if (options->openFiles != 0) limit(RLIMIT_NOFILE, options->openFiles);
  if (options->dataBytes != 0) limit(RLIMIT_DATA, options->dataBytes);
  reset_signals();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(report, FLOWDEX_SESSION_CONTAINMENT, errno);
  if (options->containment != NULL) {
    code = flowdex_contain(options->containment, options->path, options->arguments, options->environment);
    if (code != 0) fail(report, FLOWDEX_SESSION_CONTAINMENT, code);
  }
  execve(options->path, options->arguments, options->environment);
  fail(report, FLOWDEX_SESSION_EXEC, errno);
}

/// Waits for exec, which closes the pipe, or for what went wrong before it.
static int wait_for_exec(int report, struct flowdex_session_process *process) {
  struct failure failure;
  ssize_t count;
  do {
    count = read(report, &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return 0;
  process->stage = count == sizeof failure ? failure.stage : FLOWDEX_SESSION_FORK;
  return count == sizeof failure ? failure.code : EIO;
}

int flowdex_session_start(const struct flowdex_session_options *options,
                          struct flowdex_session_process *process) {
  int channel[2] = {-1, -1}, errors[2] = {-1, -1}, report[2] = {-1, -1};
  pid_t pid = -1;
  int code = 0;
  process->stage = FLOWDEX_SESSION_CHANNELS;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0 || pipe2(errors, O_CLOEXEC) != 0
      || pipe2(report, O_CLOEXEC) != 0) {
    code = errno;
  } else {
    process->stage = FLOWDEX_SESSION_FORK;
    pid_t parent = getpid();
    sigset_t all, before;
    // No handler of the parent's may run in the child.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) child(options, parent, channel[1], errors[1], report[1]);
    if (pid < 0) code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  if (channel[1] >= 0) close(channel[1]);
  if (errors[1] >= 0) close(errors[1]);
  if (report[1] >= 0) close(report[1]);
  if (code == 0) {
    code = wait_for_exec(report[0], process);
    if (code == 0
        && (fcntl(channel[0], F_SETFL, O_NONBLOCK) != 0 || fcntl(errors[0], F_SETFL, O_NONBLOCK) != 0)) {
      code = errno;
      kill(pid, SIGKILL);
    }
    if (code != 0) while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  }
  if (report[0] >= 0) close(report[0]);
  if (code != 0) {
    if (channel[0] >= 0) close(channel[0]);
    if (errors[0] >= 0) close(errors[0]);
    return code;
  }
  process->pid = pid;
  process->channel = channel[0];
  process->errors = errors[0];
  process->stage = 0;
  return 0;
}
