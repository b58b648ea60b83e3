// The floor of taking results: a hint from inotify, one read, minimal validation, a durable commit of what is
// there (64 at most), and the file that says so.
//
//   collector take LIST DATABASE N     takes N results from the packages of LIST; says `ready` when it watches
//   collector loop QUEUE DATABASE N    publishes a package, takes its result, publishes the next, N times

#include "common.h"

enum { BATCH = 64 };

static const char *schema =
  "CREATE TABLE leases (token TEXT PRIMARY KEY, state TEXT NOT NULL, result BLOB);"
  "CREATE TABLE events (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL)";

struct state {
  sqlite3 *db;
  sqlite3_stmt *begin, *commit, *insert, *collect, *event;
};

static struct state open_state(const char *path) {
  struct state state = {.db = new_database(path, schema)};
  state.begin = prepare(state.db, "BEGIN IMMEDIATE");
  state.commit = prepare(state.db, "COMMIT");
  state.insert = prepare(state.db, "INSERT INTO leases VALUES (?, 'live', NULL)");
  state.collect = prepare(
    state.db, "UPDATE leases SET state = 'collected', result = ? WHERE token = ? AND state = 'live'");
  state.event = prepare(state.db, "INSERT INTO events (payload) VALUES (?)");
  return state;
}

static void add_lease(struct state *state, const char *token) {
  sqlite3_bind_text(state->insert, 1, token, -1, SQLITE_STATIC);
  step(state->insert);
}

/// A result is whole if it is one object with the eight fields.
static int is_valid(const char *bytes, ssize_t count) {
  static const char *fields[] = {
    "\"status\"", "\"summary\"", "\"data\"", "\"claims\"", "\"artifacts\"", "\"diff\"", "\"usage\"", "\"error\""};
  if (count < 2 || bytes[0] != '{') return 0;
  while (count > 0 && (bytes[count - 1] == '\n' || bytes[count - 1] == ' ')) count--;
  if (bytes[count - 1] != '}') return 0;
  for (int at = 0; at < 8; at++) {
    if (!memmem(bytes, count, fields[at], strlen(fields[at]))) return 0;
  }
  return 1;
}

/// Reads and stores one result within the open transaction; false while it is not whole.
static int take(struct state *state, const char *package) {
  static char bytes[1 << 16];
  char path[4096];
  snprintf(path, sizeof path, "%s/" RESULT_NAME, package);
  ssize_t count = read_file(path, bytes, sizeof bytes);
  if (!is_valid(bytes, count)) return 0;
  sqlite3_bind_blob(state->collect, 1, bytes, count, SQLITE_STATIC);
  sqlite3_bind_text(state->collect, 2, package, -1, SQLITE_STATIC);
  step(state->collect);
  if (sqlite3_changes(state->db) != 1) return 0;
  sqlite3_bind_text(state->event, 1, package, -1, SQLITE_STATIC);
  step(state->event);
  return 1;
}

static void acknowledge(const char *package) {
  char path[4096];
  snprintf(path, sizeof path, "%s/" ACCEPTED_NAME, package);
  write_file(path, "accepted\n");
}

static void take_all(char **packages, int count, const char *database, int wanted) {
  struct state state = open_state(database);
  int inotify = inotify_init1(IN_CLOEXEC);
  int *by_watch = calloc(2 * count + 16, sizeof *by_watch);
  char *is_taken = calloc(count, 1);
  step(state.begin);
  for (int at = 0; at < count; at++) {
    add_lease(&state, packages[at]);
    int watch = inotify_add_watch(inotify, packages[at], IN_CLOSE_WRITE | IN_MOVED_TO);
    if (watch < 0 || watch > 2 * count + 15) fail(packages[at]);
    by_watch[watch] = at;
  }
  step(state.commit);
  printf("ready\n");
  fflush(stdout);
  static char events[1 << 20];
  for (int done = 0; done < wanted;) {
    ssize_t length = read(inotify, events, sizeof events);
    if (length <= 0) fail("inotify");
    int taken[BATCH], open = 0;
    for (char *at = events; at <= events + length;) {
      int is_last = at == events + length;
      if (open == BATCH || (is_last && open > 0)) {
        step(state.commit);
        for (int one = 0; one < open; one++) acknowledge(packages[taken[one]]);
        done += open;
        open = 0;
      }
      if (is_last) break;
      struct inotify_event *event = (struct inotify_event *)at;
      at += sizeof *event + event->len;
      if (event->mask & IN_Q_OVERFLOW) fail("too many events");
      if (event->len == 0 || strcmp(event->name, RESULT_NAME) != 0) continue;
      int package = by_watch[event->wd];
      if (is_taken[package]) continue;
      if (open == 0) step(state.begin);
      if (!take(&state, packages[package])) fail("a result was not whole");
      is_taken[package] = 1;
      taken[open++] = package;
    }
  }
}

static const char *task_text, *instructions_text, *schema_text;

static char *filler(int bytes) {
  char *text = malloc(bytes + 1);
  memset(text, 'x', bytes);
  text[bytes] = 0;
  return text;
}

/// A package of the size of flowdex's: written beside its place, renamed in, its lease committed, shown.
static void publish(struct state *state, const char *queue, int number, char *package, size_t room) {
  char staged[4096], path[8192];
  snprintf(staged, sizeof staged, "%s/staging-%d", queue, number);
  if (mkdir(staged, 0755) != 0) fail(staged);
  const char *names[] = {"task.json", "instructions.md", "adapter-result.schema.json"};
  const char *texts[] = {task_text, instructions_text, schema_text};
  for (int at = 0; at < 3; at++) {
    snprintf(path, sizeof path, "%s/%s", staged, names[at]);
    write_file(path, texts[at]);
  }
  snprintf(path, sizeof path, "%s/scratch", staged);
  if (mkdir(path, 0755) != 0) fail(path);
  snprintf(package, room, "%s/packages/task-%d", queue, number);
  if (rename(staged, package) != 0) fail(package);
  step(state->begin);
  add_lease(state, package);
  sqlite3_bind_text(state->event, 1, package, -1, SQLITE_STATIC);
  step(state->event);
  step(state->commit);
}

static void loop(const char *queue, const char *database, int count) {
  struct state state = open_state(database);
  task_text = filler(1900);
  instructions_text = filler(2400);
  schema_text = filler(4200);
  char path[8192], package[4096];
  const char *folders[] = {"packages", "ready", "claimed"};
  for (int at = 0; at < 3; at++) {
    snprintf(path, sizeof path, "%s/%s", queue, folders[at]);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) fail(path);
  }
  printf("ready\n");
  fflush(stdout);
  int inotify = inotify_init1(IN_CLOEXEC);
  for (int number = 0; number < count; number++) {
    publish(&state, queue, number, package, sizeof package);
    int watch = inotify_add_watch(inotify, package, IN_CLOSE_WRITE | IN_MOVED_TO);
    if (watch < 0) fail(package);
    snprintf(path, sizeof path, "%s/ready/task-%d", queue, number);
    if (symlink(package, path) != 0) fail(path);
    for (int is_taken = 0; !is_taken;) {
      char events[8192];
      if (read(inotify, events, sizeof events) < 0) fail("inotify");
      step(state.begin);
      is_taken = take(&state, package);
      step(state.commit);
    }
    acknowledge(package);
    snprintf(path, sizeof path, "%s/claimed/task-%d", queue, number);
    unlink(path);
    inotify_rm_watch(inotify, watch);
  }
}

int main(int argc, char **argv) {
  if (argc == 5 && !strcmp(argv[1], "take")) {
    int count;
    char **packages = lines(argv[2], &count);
    take_all(packages, count, argv[3], atoi(argv[4]));
  } else if (argc == 5 && !strcmp(argv[1], "loop")) {
    loop(argv[2], argv[3], atoi(argv[4]));
  } else {
    fprintf(stderr, "usage: collector take LIST DATABASE N | loop QUEUE DATABASE N\n");
    return 64;
  }
  return 0;
}
