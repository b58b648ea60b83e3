// Landlock and the process's own rights; CSpawnContainment.h says what it is for. Runs between fork and exec,
// so only async-signal-safe calls are made. The constants are spelled out, for the headers of the machine
// that builds may be older than the kernel that runs.

#define _GNU_SOURCE
#include "CSpawnContainment.h"
#include "CSpawnKernel.h"
#include "containment_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  call_create_ruleset = 444,
  call_add_rule = 445,
  call_restrict_self = 446,
  rule_path_beneath = 1,
  ask_version = 1,
};

// landlock_ruleset_attr as of version 6. Older kernels take a longer one if what they do not know is zero.
struct ruleset {
  uint64_t files;
  uint64_t network;
  uint64_t scopes;
};

struct path_beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

static const uint64_t right_execute = 1ULL << 0, right_read = 1ULL << 2;

static int landlock_version(int *error) {
  long version = syscall(call_create_ruleset, NULL, 0, ask_version);
  *error = version < 0 ? errno : 0;
  return version < 0 ? 0 : (int)version;
}

/// Every right that a version knows is handled, and so taken away where no rule gives it back.
static struct ruleset all_rights(int version) {
  struct ruleset all = {(1ULL << 13) - 1, 0, 0};
  if (version >= 2) all.files |= 1ULL << 13;  // move and link between folders
  if (version >= 3) all.files |= 1ULL << 14;  // truncate
  if (version >= 4) all.network = 3;          // bind and connect, of TCP
  if (version >= 5) all.files |= 1ULL << 15;  // ioctl of devices
  if (version >= 6) all.scopes = 3;           // abstract sockets and signals of others
  return all;
}

static int allow(int ruleset, const struct flowdex_readable *file) {
  int opened = open(file->path, O_PATH | O_CLOEXEC);
  if (opened < 0) return 0;
  struct path_beneath rule = {right_read | (file->executable ? right_execute : 0), opened};
  int code = syscall(call_add_rule, ruleset, rule_path_beneath, &rule, 0) == 0 ? 0 : errno;
  close(opened);
  return code;
}

static int restrict_files(const struct flowdex_containment *containment, int version) {
  struct ruleset rights = all_rights(version);
  int ruleset = (int)syscall(call_create_ruleset, &rights, sizeof rights, 0);
  if (ruleset < 0) return errno;
  int code = 0;
  for (size_t at = 0; code == 0 && at < containment->count; at++) code = allow(ruleset, &containment->files[at]);
  if (code == 0 && syscall(call_restrict_self, ruleset, 0) != 0) code = errno;
  close(ruleset);
  return code;
}

/// What root may do beyond others goes too; with no_new_privs, exec does not bring it back.
static int drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  return syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

struct flowdex_containment_support flowdex_containment_support(void) {
  struct flowdex_containment_support support = {0, 0, flowdex_kernel_has_seccomp() == 1};
  support.landlock = landlock_version(&support.landlockError);
  return support;
}

int flowdex_contain(const struct flowdex_containment *containment, const char *path,
                    char *const *arguments, char *const *environment) {
  int error = 0;
  int version = landlock_version(&error);
  int code = version > 0 ? restrict_files(containment, version) : 0;
  if (code == 0) code = drop_capabilities();
  if (code != 0 || flowdex_kernel_has_seccomp() == 0) return code;
  struct flowdex_last_exec last = {(uintptr_t)path, (uintptr_t)arguments, (uintptr_t)environment};
  return flowdex_filter_calls(&last);
}
