// The filter of system calls (seccomp(2)); CSpawnContainment.h says what it is for.
//
// It is a list of what is denied, not of what is allowed: Deno, V8 and the C library ask the kernel for new
// things with every version, and what they ask for is harmless unless it reaches beyond the process. So the
// list is of what does: making, tracing and signalling processes, executing, sockets, changing files, other
// ways to files and memory than open(2), the machine's settings, and the limits and identity of the process
// itself. What is denied fails with EPERM, or with ENOSYS where a caller then takes an older way. From 424 on,
// where all architectures number calls alike, it is a list of what is allowed: a call that is younger than
// this file is not there.
//
// execve: a filter cannot count, so the one that starts Deno is known by its three addresses, which are those
// of the parent's heap. They are not in the new program, which would have to guess all three; and where there
// is Landlock, nothing but Deno is executable.

#define _GNU_SOURCE
#include "containment_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { architecture = (int)AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { architecture = (int)AUDIT_ARCH_AARCH64 };
#else
#error "the numbers of system calls are known for x86_64 and aarch64 only"
#endif

// The first number that all architectures share, and the first of x32, the other way into an x86_64 kernel.
enum { first_shared = 424, first_x32 = 0x40000000 };

static const int16_t denied[] = {
  // Processes.
#ifdef SYS_fork
  SYS_fork, SYS_vfork,
#endif
  SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_tkill,
  SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_unshare, SYS_setns, SYS_personality, SYS_setpriority,
  SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr, SYS_ioprio_set, SYS_migrate_pages,
  SYS_move_pages, SYS_setpgid, SYS_setsid,
  // Network. The channel is read and written; it needs none of these.
  SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendmsg, SYS_sendmmsg,
  SYS_recvmsg, SYS_recvmmsg,
  // Files.
#ifdef SYS_open
  SYS_creat, SYS_rename, SYS_link, SYS_symlink, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_chmod,
  SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_inotify_init, SYS_signalfd,
#endif
#ifdef SYS_renameat
  SYS_renameat,
#endif
  SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_unlinkat, SYS_mkdirat, SYS_mknodat, SYS_fchmod,
  SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_truncate, SYS_ftruncate, SYS_fallocate,
  SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
  SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_sync, SYS_syncfs, SYS_swapon, SYS_swapoff,
  SYS_quotactl, SYS_acct, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_inotify_init1,
  SYS_inotify_add_watch, SYS_fanotify_init, SYS_fanotify_mark, SYS_memfd_create, SYS_signalfd4,
  // Memory and queues shared with others.
  SYS_shmget, SYS_shmat, SYS_shmctl, SYS_semget, SYS_semop, SYS_semtimedop, SYS_semctl, SYS_msgget,
  SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_mq_open, SYS_mq_unlink, SYS_mq_notify,
  // The kernel and the machine.
  SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module,
  SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_settimeofday, SYS_clock_settime,
  SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_vhangup,
#ifdef SYS_kexec_file_load
  SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
  SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
  // The process's identity and limits.
  SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
  SYS_setfsuid, SYS_setfsgid, SYS_capset, SYS_setrlimit,
};

// Of the shared numbers: close_range, faccessat2, epoll_pwait2, futex_waitv, futex_wake, futex_wait,
// futex_requeue, mseal.
static const int16_t allowed_shared[] = {436, 439, 441, 449, 454, 455, 456, 462};

struct program {
  unsigned short length;
  struct sock_filter code[512];
};

static void add(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no) {
  program->code[program->length++] = (struct sock_filter){code, yes, no, k};
}

static void answer(struct program *program, uint32_t action) {
  add(program, BPF_RET | BPF_K, action, 0, 0);
}

static void refuse(struct program *program, int error) { answer(program, SECCOMP_RET_ERRNO | (uint32_t)error); }

static void load(struct program *program, size_t offset) {
  add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/// The low half of an argument; both architectures are little-endian.
static size_t low(int argument) {
  return offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)argument;
}

/// Begins what holds for one call; `length` instructions follow, the last of which must answer.
static void when(struct program *program, int call, uint8_t length) {
  add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, length);
}

static void deny(struct program *program, int call, int error) {
  when(program, call, 1);
  refuse(program, error);
}

/// Denied where an argument has any of the bits. Four instructions and the head.
static void deny_bits(struct program *program, int call, int argument, uint32_t bits) {
  when(program, call, 4);
  load(program, low(argument));
  add(program, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
  refuse(program, EPERM);
  answer(program, SECCOMP_RET_ALLOW);
}

/// Denied unless the low half of an argument is that value.
static void only(struct program *program, int call, int argument, uint32_t value) {
  when(program, call, 4);
  load(program, low(argument));
  add(program, BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
  refuse(program, EPERM);
  answer(program, SECCOMP_RET_ALLOW);
}

/// Denied where the low half of an argument is one of the values.
static void deny_values(struct program *program, int call, int argument, const uint32_t *values, uint8_t count) {
  when(program, call, (uint8_t)(3 + count));
  load(program, low(argument));
  for (uint8_t at = 0; at < count; at++) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, values[at], (uint8_t)(count - at), 0);
  }
  answer(program, SECCOMP_RET_ALLOW);
  refuse(program, EPERM);
}

/// Denied unless all three pointers are those of the exec that is to come.
static void only_last_exec(struct program *program, const struct flowdex_last_exec *last) {
  const uint64_t pointers[] = {last->path, last->arguments, last->environment};
  when(program, SYS_execve, 14);
  for (int at = 0; at < 3; at++) {
    load(program, low(at));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)pointers[at], 0, (uint8_t)(11 - 4 * at));
    load(program, low(at) + 4);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(pointers[at] >> 32), 0, (uint8_t)(9 - 4 * at));
  }
  answer(program, SECCOMP_RET_ALLOW);
  refuse(program, EPERM);
}

/// A new limit is a pointer that is not null; and nobody else's are asked for.
static void only_own_limits(struct program *program, uint32_t self) {
  when(program, SYS_prlimit64, 9);
  load(program, low(2));
  add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5);
  load(program, low(2) + 4);
  add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
  load(program, low(0));
  add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
  add(program, BPF_JMP | BPF_JEQ | BPF_K, self, 1, 0);
  refuse(program, EPERM);
  answer(program, SECCOMP_RET_ALLOW);
}

/// The runtime wakes itself through a pair. One of datagrams could send to any socket in the file system.
static void only_pairs_of_streams(struct program *program) {
  when(program, SYS_socketpair, 7);
  load(program, low(0));
  add(program, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 3);
  load(program, low(1));
  add(program, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), 0, 0);
  add(program, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
  refuse(program, EPERM);
  answer(program, SECCOMP_RET_ALLOW);
}

/// What is sent goes where the socket is connected.
static void only_without_address(struct program *program) {
  when(program, SYS_sendto, 6);
  load(program, low(4));
  add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
  load(program, low(4) + 4);
  add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
  refuse(program, EPERM);
  answer(program, SECCOMP_RET_ALLOW);
}

static void deny_shared(struct program *program) {
  const uint8_t count = sizeof allowed_shared / sizeof *allowed_shared;
  add(program, BPF_JMP | BPF_JGE | BPF_K, first_shared, 0, (uint8_t)(count + 2));
  for (uint8_t at = 0; at < count; at++) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed_shared[at], (uint8_t)(count - at), 0);
  }
  refuse(program, ENOSYS);
  answer(program, SECCOMP_RET_ALLOW);
}

static void judge_arguments(struct program *program, const struct flowdex_last_exec *last) {
  uint32_t self = (uint32_t)getpid();
  // Threads are needed, processes are not; without CLONE_THREAD, and so without clone3, there are none.
  when(program, SYS_clone, 4);
  load(program, low(0));
  add(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
  refuse(program, EPERM);
  answer(program, SECCOMP_RET_ALLOW);
  const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
#ifdef SYS_open
  deny_bits(program, SYS_open, 1, writing);
#endif
  deny_bits(program, SYS_openat, 2, writing);
  only(program, SYS_kill, 0, self);
  only(program, SYS_tgkill, 0, self);
  only_pairs_of_streams(program);
  only_without_address(program);
  // Owners of descriptors, which get signals, and leases on files.
  const uint32_t owners[] = {F_SETOWN, 15 /* F_SETOWN_EX */, 10 /* F_SETSIG */, F_SETLEASE, F_NOTIFY};
  deny_values(program, SYS_fcntl, 1, owners, 5);
  // The same by ioctl (FIOSETOWN, SIOCSPGRP), and typing into a terminal (TIOCSTI, TIOCLINUX).
  const uint32_t commands[] = {0x8901, 0x8902, 0x5412, 0x541c};
  deny_values(program, SYS_ioctl, 1, commands, 4);
  // It must die with its parent, whatever it prefers.
  const uint32_t settings[] = {PR_SET_PDEATHSIG, PR_SET_MM, PR_SET_PTRACER};
  deny_values(program, SYS_prctl, 0, settings, 3);
  only_own_limits(program, self);
  only_last_exec(program, last);
}

int flowdex_filter_calls(const struct flowdex_last_exec *last) {
  struct program program = {0};
  load(&program, offsetof(struct seccomp_data, arch));
  add(&program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)architecture, 1, 0);
  answer(&program, SECCOMP_RET_KILL_PROCESS);
  load(&program, offsetof(struct seccomp_data, nr));
  add(&program, BPF_JMP | BPF_JGE | BPF_K, first_x32, 0, 1);
  refuse(&program, ENOSYS);
  deny_shared(&program);
  for (size_t at = 0; at < sizeof denied / sizeof *denied; at++) deny(&program, denied[at], EPERM);
  judge_arguments(&program, last);
  answer(&program, SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {program.length, program.code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0 ? 0 : errno;
}
