#pragma once
#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>
#include <stdio.h>

// The name is a flexible array member, which Swift cannot reach.
static inline const char *flowdex_event_name(const struct inotify_event *event) {
  return event->len > 0 ? event->name : "";
}

// The library tells what goes wrong twice: to its caller, and to stderr in its own words. `stderr` is a variable in glibc, and
// the library's only way there, so for as long as a call lasts it leads nowhere; descriptor 2 is not touched. All calls
// are made by one thread.
static inline FILE *flowdex_hush(void) {
  static FILE *nowhere;
  if (!nowhere) nowhere = fmemopen(NULL, 256, "w");
  FILE *before = stderr;
  if (nowhere) stderr = nowhere;
  return before;
}

static inline int flowdex_watch_file(const char *path, int events) {
  FILE *before = flowdex_hush();
  int isWatched = inotifytools_watch_file(path, events);
  stderr = before;
  return isWatched;
}

static inline int flowdex_remove_watch(int descriptor) {
  FILE *before = flowdex_hush();
  int isRemoved = inotifytools_remove_watch_by_wd(descriptor);
  stderr = before;
  return isRemoved;
}
