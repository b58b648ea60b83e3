// What the kernel keeps a workflow's session from, between fork and exec: Landlock and seccomp, on top of the
// limits and the empty surroundings that every session has.
//
// This is the second wall. The first is Deno without permissions and the harness's empty context; this one
// holds when both have been broken, and code of an attacker's choice runs in the process. Such code can
// compute, write to its channel, and look at the names and sizes of files (stat(2) is no right that Landlock
// knows). It can read what Deno is made of and nothing else, change no file, make no process, reach no
// network, and signal nobody.
//
// A part that the kernel lacks is left out, and flowdex_containment_support tells which; whoever starts
// sessions says so to people. A part that is there and fails makes the start fail.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// A file that the process may read; of a folder, all that is beneath it. One that is not there is passed over.
struct flowdex_readable {
  const char *path;
  /// 1 where the kernel executes it: the program and its loader.
  int32_t executable;
};

/// What the process keeps. Everything else is taken away.
struct flowdex_containment {
  const struct flowdex_readable *files;
  size_t count;
};

/// What the kernel can enforce.
struct flowdex_containment_support {
  /// The version of Landlock's interface, from 1; 0 where there is none (landlock(7)).
  int32_t landlock;
  /// Why there is none: the errno of the question.
  int32_t landlockError;
  /// 1 where system calls can be filtered (seccomp(2)).
  int32_t seccomp;
};

struct flowdex_containment_support flowdex_containment_support(void);

/// Takes the rights of this process away for good. Async-signal-safe; `no_new_privs` must be set. Of exec, one
/// remains: that of these three pointers, as they are. Answers 0 or an errno.
int flowdex_contain(const struct flowdex_containment *containment, const char *path,
                    char *const *arguments, char *const *environment);
