// How a command comes to its supervisor: one message over the socket that joins the two, with the write ends of the
// command's output and error beside it. The supervisor's half makes only async-signal-safe calls and takes its memory
// from the kernel, for it is a fork of a process that has other threads.

#define _GNU_SOURCE
#include "command_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

// What goes first; the texts follow, each with its NUL: the folder, the candidates, the arguments, the environment.
struct head {
  int64_t timeout_ms;
  int64_t grace_ms;
  uint64_t bytes;
  uint32_t candidates;
  uint32_t arguments;
  uint32_t variables;
  uint32_t unused;
};

// Room for two descriptors, aligned as cmsg(3) wants it.
union passed {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(2 * sizeof(int))];
};

// MARK: The caller's half

static uint32_t count(char *const *texts, uint64_t *bytes) {
  uint32_t number = 0;
  for (; texts[number]; number++) *bytes += strlen(texts[number]) + 1;
  return number;
}

static char *append(char *at, char *const *texts) {
  for (; *texts; texts++) at = stpcpy(at, *texts) + 1;
  return at;
}

static int32_t send_head(int link, const struct head *head, const int *descriptors) {
  union passed passed;
  memset(&passed, 0, sizeof passed);
  struct iovec part = {(void *)head, sizeof *head};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof passed};
  passed.header.cmsg_level = SOL_SOCKET;
  passed.header.cmsg_type = SCM_RIGHTS;
  passed.header.cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(&passed.header), descriptors, 2 * sizeof(int));
  ssize_t sent;
  do {
    sent = sendmsg(link, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  // The socket is empty, for its last command has been reported: so little goes at once or not at all.
  return sent == (ssize_t)sizeof *head ? 0 : sent < 0 ? errno : EPIPE;
}

int32_t flowdex_command_send(int link, const struct flowdex_command *command, const int *descriptors) {
  struct head head = {.timeout_ms = command->timeout_ms, .grace_ms = command->grace_ms};
  head.bytes = strlen(command->cwd) + 1;
  head.candidates = count(command->candidates, &head.bytes);
  head.arguments = count(command->argv, &head.bytes);
  head.variables = count(command->environment, &head.bytes);
  char *texts = malloc(head.bytes);
  if (!texts) return ENOMEM;
  char *end = stpcpy(texts, command->cwd) + 1;
  append(append(append(end, command->candidates), command->argv), command->environment);
  int32_t error = send_head(link, &head, descriptors);
  for (uint64_t done = 0; error == 0 && done < head.bytes;) {
    ssize_t sent = send(link, texts + done, head.bytes - done, MSG_NOSIGNAL);
    if (sent > 0) done += (uint64_t)sent;
    else if (errno != EINTR) error = errno;
  }
  free(texts);
  return error;
}

// MARK: The supervisor's half

static bool receive_head(struct head *head) {
  union passed passed;
  struct iovec part = {head, sizeof *head};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof passed};
  if (recvmsg(link_fd, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *head) return false;
  struct cmsghdr *with = CMSG_FIRSTHDR(&message);
  if (!with || with->cmsg_type != SCM_RIGHTS || with->cmsg_len != CMSG_LEN(2 * sizeof(int))) return false;
  int descriptors[2];
  memcpy(descriptors, CMSG_DATA(with), sizeof descriptors);
  bool placed = dup3(descriptors[0], output_fd, O_CLOEXEC) >= 0 && dup3(descriptors[1], error_fd, O_CLOEXEC) >= 0;
  close(descriptors[0]);
  close(descriptors[1]);
  return placed;
}

// Takes what there is no room for off the socket.
static bool pass_over(uint64_t bytes) {
  char piece[4096];
  while (bytes > 0) {
    ssize_t got = recv(link_fd, piece, bytes < sizeof piece ? bytes : sizeof piece, 0);
    if (got <= 0) return false;
    bytes -= (uint64_t)got;
  }
  return true;
}

static char **spread(char **place, uint32_t number, char **at) {
  for (uint32_t done = 0; done < number; done++) {
    *place++ = *at;
    *at += strlen(*at) + 1;
  }
  *place++ = NULL;
  return place;
}

bool flowdex_command_receive(struct received_command *received) {
  struct head head;
  if (!receive_head(&head)) return false;
  uint64_t pointers = (uint64_t)head.candidates + head.arguments + head.variables + 3;
  received->bytes = pointers * sizeof(char *) + head.bytes;
  received->memory = mmap(NULL, received->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (received->memory == MAP_FAILED) {
    received->memory = NULL;
    return pass_over(head.bytes);
  }
  char **place = received->memory;
  char *texts = (char *)(place + pointers);
  for (uint64_t done = 0; done < head.bytes;) {
    ssize_t got = recv(link_fd, texts + done, head.bytes - done, 0);
    if (got <= 0) return false;
    done += (uint64_t)got;
  }
  char *at = texts + strlen(texts) + 1;
  char **arguments = spread(place, head.candidates, &at);
  char **variables = spread(arguments, head.arguments, &at);
  spread(variables, head.variables, &at);
  received->command = (struct flowdex_command){place,          arguments, variables, texts,
                                               head.timeout_ms, head.grace_ms};
  return true;
}

void flowdex_command_forget(struct received_command *received) {
  if (received->memory) munmap(received->memory, received->bytes);
  received->memory = NULL;
}
