// The floor of one durable operation: commit the intent, fork and exec `true`, wait, store two artifacts and the
// outcome, commit.
//
//   command DATABASE N     seconds for N of them, one after the other

#include "common.h"

#include <spawn.h>

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: command DATABASE N\n");
    return 64;
  }
  sqlite3 *db = new_database(
    argv[1],
    "CREATE TABLE operations (id INTEGER PRIMARY KEY, state TEXT NOT NULL, value TEXT);"
    "CREATE TABLE artifacts (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT"),
               *intent = prepare(db, "INSERT INTO operations (state) VALUES ('running')"),
               *artifact = prepare(db, "INSERT INTO artifacts (bytes) VALUES (x'')"),
               *finish = prepare(db, "UPDATE operations SET state = 'final', value = '{}' WHERE id = ?");
  char *arguments[] = {"true", NULL}, *environment[] = {NULL};
  int count = atoi(argv[2]);
  double before = now_us();
  for (int at = 0; at < count; at++) {
    step(begin);
    step(intent);
    sqlite3_int64 id = sqlite3_last_insert_rowid(db);
    step(commit);
    pid_t pid;
    int status;
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) != 0) fail("true");
    if (waitpid(pid, &status, 0) != pid || status != 0) fail("true");
    step(begin);
    step(artifact);
    step(artifact);
    sqlite3_bind_int64(finish, 1, id);
    step(finish);
    step(commit);
  }
  printf("%.6f\n", (now_us() - before) / 1e6);
  return 0;
}
