// Host commands: a supervisor process for each that runs, so that a command can be ended with everything it started.
//
// The supervisor is a fork of the caller that never executes anything itself. It closes every descriptor that
// is not its own, leads a session, and is a subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)): a descendant whose
// parent ends, whatever session or group it moved to, becomes its child. So "no child is left" means that no
// descendant is left, and killing its children until none is left ends them all.
//
// One socket joins it to the caller. Over it comes a command, with the write ends of its output; then the supervisor
// waits at a gate until the caller has written down who it is. A byte opens the gate, the report comes back, and when
// nothing of the command is left the supervisor can be given another. The caller's end closing (which SIGKILL does
// too) means: kill everything and go. SIGTERM, SIGINT, SIGHUP and SIGQUIT to the supervisor mean the same.
//
// Why one may serve several commands, one after the other: a fork of flowdex costs more than the command `true`, and for
// as long as its child lives flowdex copies each page that it writes to. A command finds nothing of the one before,
// for no process of it is left, and a supervisor that was told to end, or has something left, takes no other.
//
// Why fork and not vfork or clone(CLONE_VM): the supervisor lives for as long as the command, beside a
// parent that goes on, so it needs memory of its own; and what kills the parent (a trap that dumps core,
// the out-of-memory killer) ends every process that shares the parent's memory. What fork costs is one copy
// of the page tables: about 0.03 ms for each MiB that the parent has resident. The command itself is
// started by vfork from the supervisor, which copies nothing. A launcher program of its own would have to
// be installed beside the binary, and running the binary itself costs its start-up.

#pragma once

#include <stdbool.h>
#include <stdint.h>

// What to run. Copied to the supervisor, so it may be freed once prepare has returned.
struct flowdex_command {
  // Paths to try in turn, as execvp(3) would walk PATH; ends with NULL. Relative ones start from `cwd`.
  char *const *candidates;
  char *const *argv;
  // The whole environment, `NAME=value`; ends with NULL.
  char *const *environment;
  // Absolute.
  const char *cwd;
  // From the start of the command to SIGTERM for its process group.
  int64_t timeout_ms;
  // From that SIGTERM to SIGKILL for every descendant.
  int64_t grace_ms;
};

// A supervisor without a command. The caller owns the descriptor (close-on-exec) and the child.
struct flowdex_supervisor {
  int32_t pid;
  // The socket: after prepare one byte opens the gate, then one report can be read, then end of file or nothing.
  int32_t link;
  // Field 22 of /proc/<pid>/stat: clock ticks from boot to the supervisor's start.
  int64_t start_ticks;
};

// Read ends, non-blocking and close-on-exec, of a command's standard output and error: the caller's.
struct flowdex_command_streams {
  int32_t standard_output;
  int32_t standard_error;
};

// The step that failed before the command ran; `error` is its errno.
enum flowdex_command_step {
  FLOWDEX_COMMAND_STARTED = 0,
  FLOWDEX_COMMAND_FORK = 1,
  FLOWDEX_COMMAND_FOLDER = 2,
  FLOWDEX_COMMAND_EXEC = 3,
  // The file is there and what its first line names is not.
  FLOWDEX_COMMAND_INTERPRETER = 4,
};

struct flowdex_command_report {
  int32_t step;
  int32_t error;
  // As wait(2) gives it, of the command itself.
  int32_t status;
  int32_t timed_out;
  // 1 if something could not be killed in ten seconds; the supervisor stays and goes on trying.
  int32_t leftover;
  // 1 if the supervisor takes another command: nothing is left, and nobody has told it to end.
  int32_t goes_on;
  // From the command's start to its own end, on the monotonic clock.
  int64_t duration_ms;
};

// Forks a supervisor and waits until it is one. 0, or an errno with nothing left behind.
int32_t flowdex_supervisor_make(struct flowdex_supervisor *made);

// Whether a supervisor whose last command has been reported still lives, has nothing more to say, and would see what it
// is given: one that somebody has stopped (SIGSTOP) would not. `pid` is a child that has not been waited for.
bool flowdex_supervisor_is_ready(int32_t pid, int32_t link);

// Gives a command to a supervisor that has none; from now on it waits at the gate. 0, or an errno: then there are no
// streams, and the supervisor, which may have half a command, is only to be sent away.
int32_t flowdex_command_prepare(int32_t link, const struct flowdex_command *command,
                                struct flowdex_command_streams *streams);

// The mark that a supervisor and all its descendants carry: their soft RLIMIT_RTTIME, in microseconds, far
// beyond any life time (and counted for real-time threads only). It is inherited over fork, exec and setsid
// and read from /proc/<pid>/limits, so what outlives a killed supervisor is still known for certain, where a
// session id or a pid may by then be a stranger's.
uint64_t flowdex_command_mark(int32_t pid, int64_t start_ticks);

// pidfd_open(2) and pidfd_send_signal(2): a signal that cannot reach a recycled pid. -1 and errno on failure.
int32_t flowdex_command_pidfd(int32_t pid);
int32_t flowdex_command_pidfd_signal(int32_t pidfd, int32_t number);
