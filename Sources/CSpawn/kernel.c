// Questions to the kernel that change nothing.

#define _GNU_SOURCE
#include "CSpawnKernel.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

// The numbers are the same on every machine that has these calls (asm-generic/unistd.h, linux/landlock.h,
// linux/seccomp.h); headers older than the kernel lack them.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#define LANDLOCK_VERSION_FLAG 1U
#define SECCOMP_ACTION_AVAILABLE 2U
#define SECCOMP_ERRNO_ACTION 0x00050000U

int flowdex_kernel_landlock_abi(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_VERSION_FLAG);
  return version > 0 ? (int)version : 0;
}

int flowdex_kernel_has_seccomp(void) {
  uint32_t action = SECCOMP_ERRNO_ACTION;
  return syscall(SYS_seccomp, SECCOMP_ACTION_AVAILABLE, 0U, &action) == 0;
}

int flowdex_kernel_try_inotify(void) {
  int descriptor = inotify_init1(IN_CLOEXEC);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}
