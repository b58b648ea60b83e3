// What the files of the shim share; shim.c says what it is for.

#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The names in which points are told. Calls on what is no file have names of their own.
#define NAMES(X) X(open) X(create) X(opendir) X(fdopendir) X(fopen) X(close) X(read) X(pread) X(write) X(pwrite) X(fsync) \
  X(fdatasync) X(syncfs) X(rename) X(link) X(symlink) X(unlink) X(mkdir) X(rmdir) X(ftruncate) X(lock) X(unlock) X(fcntl) \
  X(ioctl) X(stat) X(statfs) X(access) X(readlink) X(chmod) X(readdir) X(fork) X(thread) X(wait) X(pipe) X(socketpair) \
  X(inotify) X(watch) X(poll) X(send) X(sendmsg) X(recv) X(pipewrite) X(piperead) X(print)
#define ENUM(name) call_##name,
enum call { NAMES(ENUM) calls };

enum fault { nothing, before, after, torn, shortened, once, stuck, brief };
enum verdict { pass, refuse, half, half_then_die, then_die };

enum record { r_open = 1, r_write, r_truncate, r_rename, r_link, r_symlink, r_unlink, r_mkdir, r_rmdir, r_sync,
              r_datasync, r_syncfs, r_print };

// Only in flowdex itself: false in what it forks.
extern bool shim_on;

// Counts a call, and says what is to become of it; for `refuse`, errno is set.
enum verdict shim_enter(enum call call, const char *what);
// How much of a write is to happen.
size_t shim_cut(enum verdict verdict, size_t count);
_Noreturn void shim_die(void);
// Whether a call of that name may be the last one; close(2) is counted only then.
bool shim_counts_closes(void);
// Where the boot id is to be read.
const char *shim_boot(const char *path);

bool shim_is_file(int fd);
// Where the file is now, if that is to be told.
const char *shim_file(int fd);
// The order of the trace is the order of the calls: one at a time, while a trace is taken.
void shim_take_turn(void);
void shim_end_turn(void);
bool shim_traced(long result);
void shim_record(enum record kind, int fd);
void shim_record_open(int folder, const char *path, int flags);
void shim_record_write(int fd, const void *bytes, ssize_t count, off_t offset);
void shim_record_size(int fd, off_t size);
void shim_record_paths(enum record kind, int folder, const char *from, int other, const char *to);
void shim_record_link(const char *target, int folder, const char *path);

#define REAL(name, type, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

// A call that changes no file, or whose change needs no record.
#define PLAIN(call, what, result_type, expression) \
  do { \
    enum verdict verdict = shim_enter(call, what); \
    if (verdict == refuse) return (result_type)-1; \
    result_type result = (expression); \
    if (verdict != pass) shim_die(); \
    return result; \
  } while (0)

// A call that changes files: `note` records it.
#define CHANGE(call, what, result_type, expression, note) \
  do { \
    enum verdict verdict = shim_enter(call, what); \
    if (verdict == refuse) return (result_type)-1; \
    shim_take_turn(); \
    result_type result = (expression); \
    int error = errno; \
    if (shim_traced((long)result)) { note; } \
    shim_end_turn(); \
    errno = error; \
    if (verdict != pass) shim_die(); \
    return result; \
  } while (0)
