// A worker that costs next to nothing, the same for flowdex and for the floors.
//
//   worker drop LIST N PAUSE_US   one result after the other; a line each: microseconds from close(2) to acceptance
//   worker burst LIST             all results at once; seconds to the last drop, and to the last acceptance
//   worker loop QUEUE N           claims and answers until it has done N; seconds from the first claim
//
// LIST holds the folder of a package in each line.

#include "common.h"

static const char *result =
  "{\"status\":\"completed\",\"summary\":\"looked at the shard and found nothing that has to be reported here\","
  "\"data\":{\"findings\":[],\"files\":12,\"notes\":\"a sentence or two that a worker would write about what it "
  "has seen, so that the result has the size of a short one, three hundred and sixty bytes\"},\"claims\":[],"
  "\"artifacts\":[],\"diff\":null,\"usage\":{},\"error\":null}\n";

/// Writes the result in place; the moment before the close that makes it whole.
static double drop(const char *package) {
  char path[4096];
  snprintf(path, sizeof path, "%s/" RESULT_NAME, package);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail(path);
  write_all(fd, result, strlen(result));
  double before = now_us();
  close(fd);
  return before;
}

static int is_accepted(const char *package) {
  char path[4096];
  snprintf(path, sizeof path, "%s/" ACCEPTED_NAME, package);
  return access(path, F_OK) == 0;
}

/// Waits until something has happened in a watched folder; at most ten seconds.
static void wait_for_event(int inotify) {
  char events[8192];
  struct pollfd one = {.fd = inotify, .events = POLLIN};
  if (poll(&one, 1, 10000) <= 0) fail("nothing happened for 10 s");
  if (read(inotify, events, sizeof events) < 0) fail("inotify");
}

static void drop_each(char **packages, int count, int pause_us) {
  for (int at = 0; at < count; at++) {
    int inotify = inotify_init1(IN_CLOEXEC);
    if (inotify_add_watch(inotify, packages[at], IN_CREATE | IN_MOVED_TO) < 0) fail(packages[at]);
    usleep(pause_us);
    double before = drop(packages[at]);
    while (!is_accepted(packages[at])) wait_for_event(inotify);
    printf("%.1f\n", now_us() - before);
    close(inotify);
  }
}

static void drop_all(char **packages, int count) {
  double before = now_us();
  for (int at = 0; at < count; at++) drop(packages[at]);
  double dropped = now_us();
  for (int at = 0; at < count; at++) {
    while (!is_accepted(packages[at])) {
      if (now_us() - before > 600e6) fail("not all results were accepted in 600 s");
      usleep(500);
    }
  }
  printf("%.6f %.6f\n", (dropped - before) / 1e6, (now_us() - before) / 1e6);
}

/// Claims what is ready and answers it; how many it got.
static int claim_all(const char *ready, const char *claimed) {
  DIR *folder = opendir(ready);
  if (!folder) fail(ready);
  struct dirent *entry;
  int got = 0;
  while ((entry = readdir(folder))) {
    if (entry->d_name[0] == '.') continue;
    char from[4096], to[4096];
    snprintf(from, sizeof from, "%s/%s", ready, entry->d_name);
    snprintf(to, sizeof to, "%s/%s", claimed, entry->d_name);
    char package[4096];
    if (!realpath(from, package) || rename(from, to) != 0) continue;
    drop(package);
    got++;
  }
  closedir(folder);
  return got;
}

static void loop(const char *queue, int count) {
  char ready[4096], claimed[4096];
  snprintf(ready, sizeof ready, "%s/ready", queue);
  snprintf(claimed, sizeof claimed, "%s/claimed", queue);
  int inotify = inotify_init1(IN_CLOEXEC);
  if (inotify_add_watch(inotify, ready, IN_CREATE | IN_MOVED_TO) < 0) fail(ready);
  double begun = 0;
  for (int done = 0; done < count;) {
    int got = claim_all(ready, claimed);
    if (got == 0) {
      wait_for_event(inotify);
    } else if (done == 0) {
      begun = now_us();
    }
    done += got;
  }
  // The last one is done when its entry is gone.
  for (;;) {
    DIR *folder = opendir(claimed);
    int left = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) left += entry->d_name[0] != '.';
    if (folder) closedir(folder);
    if (left == 0) break;
    usleep(100);
  }
  printf("%.6f\n", (now_us() - begun) / 1e6);
}

int main(int argc, char **argv) {
  if (argc == 5 && !strcmp(argv[1], "drop")) {
    int count;
    char **packages = lines(argv[2], &count);
    drop_each(packages, atoi(argv[3]) < count ? atoi(argv[3]) : count, atoi(argv[4]));
  } else if (argc == 3 && !strcmp(argv[1], "burst")) {
    int count;
    char **packages = lines(argv[2], &count);
    drop_all(packages, count);
  } else if (argc == 4 && !strcmp(argv[1], "loop")) {
    loop(argv[2], atoi(argv[3]));
  } else {
    fprintf(stderr, "usage: worker drop LIST N PAUSE_US | burst LIST | loop QUEUE N\n");
    return 64;
  }
  return 0;
}
