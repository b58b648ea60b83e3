#pragma once
#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>

// The name is a flexible array member, which Swift cannot reach.
static inline const char *flowdex_event_name(const struct inotify_event *event) {
  return event->len > 0 ? event->name : "";
}
