// What the two halves of the containment know of each other.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// The addresses of the one exec that is still to come.
struct flowdex_last_exec {
  uint64_t path;
  uint64_t arguments;
  uint64_t environment;
};

int flowdex_filter_calls(const struct flowdex_last_exec *last);
