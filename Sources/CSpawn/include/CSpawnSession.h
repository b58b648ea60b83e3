// Starts the process of a workflow's session: contained, and dying with the thread that started it.
#pragma once

#include "CSpawnContainment.h"

#include <stdint.h>
#include <sys/types.h>

/// What a session's process is started with. The caller keeps all memory until the call returns.
struct flowdex_session_options {
  /// The program's path; PATH is not searched.
  const char *path;
  /// Ends with a null pointer.
  char *const *arguments;
  /// The whole environment; ends with a null pointer.
  char *const *environment;
  /// The working directory, which should be empty.
  const char *workingFolder;
  /// Bytes of data (RLIMIT_DATA); 0 for no limit.
  uint64_t dataBytes;
  /// Open descriptors (RLIMIT_NOFILE); 0 leaves it as it is.
  uint64_t openFiles;
  /// What is taken away as the last thing before exec; null for nothing.
  const struct flowdex_containment *containment;
};

/// Where a start can fail.
enum flowdex_session_stage {
  FLOWDEX_SESSION_CHANNELS = 1,
  FLOWDEX_SESSION_FORK,
  FLOWDEX_SESSION_DESCRIPTORS,
  FLOWDEX_SESSION_FOLDER,
  FLOWDEX_SESSION_CONTAINMENT,
  FLOWDEX_SESSION_EXEC,
};

/// A started process. Both descriptors are close-on-exec and do not block.
struct flowdex_session_process {
  pid_t pid;
  /// A stream socket that is the child's standard input and output.
  int channel;
  /// What the child writes to its standard error.
  int errors;
  /// After a failure, an `enum flowdex_session_stage`.
  int stage;
};

/// Starts a process in a session of its own, with no descriptor above 2, no new privileges, no core dumps and
/// no file it could grow. Answers 0 or an errno.
///
/// The child is killed when the *thread* that calls this ends (PR_SET_PDEATHSIG, prctl(2)): call it from one
/// that outlives the session, never from a pool.
int flowdex_session_start(const struct flowdex_session_options *options,
                          struct flowdex_session_process *process);
