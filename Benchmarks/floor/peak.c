// Runs a command and says what it took: seconds, CPU seconds and the most memory that it had (KiB), in one line on
// descriptor 3. The kernel counts what a process was before exec(2) as well, and a benchmark in Python is large.
//
//   peak PROGRAM [ARGUMENT…]     ends as the program ends

#include "common.h"

#include <sys/resource.h>

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: peak PROGRAM [ARGUMENT...]\n");
    return 64;
  }
  double before = now_us();
  pid_t pid = fork();
  if (pid == 0) {
    close(3);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) fail(argv[1]);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  dprintf(3, "%.6f %.6f %ld\n", (now_us() - before) / 1e6, cpu, usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
