// What the parts of a supervisor share: command.c makes it, command_words.c brings it a command, command_oversee.c is the
// life of that command.

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

// A command as the supervisor has it.
struct received_command {
  struct flowdex_command command;
  // What holds its texts; NULL where there was no memory for them.
  void *memory;
  uint64_t bytes;
};

// The caller's half: sends a command, with its two write ends. 0, or an errno: what has come of it is then unknown, and
// the supervisor is to be sent away.
int32_t flowdex_command_send(int link, const struct flowdex_command *command, const int *descriptors);

// The supervisor's half. False when the owner is gone, or has not said all of it.
bool flowdex_command_receive(struct received_command *received);
void flowdex_command_forget(struct received_command *received);

// Starts the command, watches over it and its descendants, and reports. Returns when none of them is left: true if the
// supervisor may serve another command, false if it was told to end.
bool flowdex_command_oversee(const struct received_command *received);
