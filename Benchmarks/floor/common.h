// What the floors share: time, whole files, and SQLite with every commit durable. A floor does what cannot be
// left out, and nothing else; it exits at the first surprise, for a figure of a broken run is worth nothing.

#pragma once
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESULT_NAME "adapter-result.json"
#define ACCEPTED_NAME "adapter-result.accepted"

static inline void fail(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

/// Microseconds of a clock that only goes forward.
static inline double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static inline void write_all(int fd, const void *bytes, size_t count) {
  const char *at = bytes;
  while (count > 0) {
    ssize_t done = write(fd, at, count);
    if (done < 0) fail("write");
    at += done;
    count -= done;
  }
}

static inline void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail(path);
  write_all(fd, text, strlen(text));
  close(fd);
}

/// The bytes of a file of at most `room`; -1 where it is not there.
static inline ssize_t read_file(const char *path, char *bytes, size_t room) {
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -1;
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (size_t)info.st_size > room) fail(path);
  ssize_t count = read(fd, bytes, room);
  close(fd);
  return count;
}

/// Lines of a file, without their line feeds.
static inline char **lines(const char *path, int *count) {
  FILE *file = fopen(path, "re");
  if (!file) fail(path);
  char **all = NULL, *line = NULL;
  size_t room = 0;
  ssize_t length;
  *count = 0;
  while ((length = getline(&line, &room, file)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    if (*count % 1024 == 0) all = realloc(all, (*count + 1024) * sizeof *all);
    all[(*count)++] = strdup(line);
  }
  free(line);
  fclose(file);
  return all;
}

static inline void run_sql(sqlite3 *db, const char *sql) {
  char *why = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
    fprintf(stderr, "floor: %s: %s\n", sql, why);
    exit(1);
  }
}

/// A new database, write-ahead log, synced at every commit.
static inline sqlite3 *new_database(const char *path, const char *schema) {
  sqlite3 *db;
  if (sqlite3_open(path, &db) != SQLITE_OK) fail(path);
  run_sql(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  run_sql(db, schema);
  return db;
}

static inline sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
    fprintf(stderr, "floor: %s: %s\n", sql, sqlite3_errmsg(db));
    exit(1);
  }
  return statement;
}

static inline void step(sqlite3_stmt *statement) {
  int code = sqlite3_step(statement);
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    fprintf(stderr, "floor: %s\n", sqlite3_errmsg(sqlite3_db_handle(statement)));
    exit(1);
  }
  sqlite3_reset(statement);
}
