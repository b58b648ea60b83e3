// What the two halves of a supervisor share: command.c makes it, command_oversee.c is its life.

#pragma once

#include "CSpawnCommand.h"

#include <stdbool.h>
#include <stdint.h>

// The supervisor's descriptors, at fixed places so that everything above them can be closed.
enum { link_fd = 3, output_fd = 4, error_fd = 5, signals_fd = 6 };

// What a wait came back with; both may be set.
enum news { nothing = 0, owner_spoke = 1, signal_to_end = 2 };

// Waits for a signal, for the owner (if asked to) or for the time, an hour at most.
int flowdex_command_wait(int64_t timeout_ms, bool with_link);

// Field 4 (the parent) and 22 (the start) of a stat file (proc(5)); false if the process is gone.
bool flowdex_command_read_stat(const char *path, int64_t *parent, int64_t *start);

// Starts the command, watches over it and its descendants, and reports. Returns when none of them is left.
void flowdex_command_oversee(const struct flowdex_command *command);
