// The floor of handing out: copy a tree of files once, then make the folders of N packages and write their files.
//
//   tree SOURCE TARGET N [sync]     seconds; with `sync`, the copy is made durable (syncfs), as flowdex makes it

#include "common.h"

static void copy_tree(const char *from, const char *to) {
  if (mkdir(to, 0755) != 0) fail(to);
  DIR *folder = opendir(from);
  if (!folder) fail(from);
  struct dirent *entry;
  while ((entry = readdir(folder))) {
    if (entry->d_name[0] == '.') continue;
    char source[4096], target[4096];
    snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
    snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
    if (entry->d_type == DT_DIR) {
      copy_tree(source, target);
      continue;
    }
    int in = open(source, O_RDONLY | O_CLOEXEC), out = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    struct stat info;
    if (in < 0 || out < 0 || fstat(in, &info) != 0) fail(source);
    for (off_t left = info.st_size; left > 0;) {
      ssize_t count = copy_file_range(in, NULL, out, NULL, left, 0);
      if (count <= 0) fail(source);
      left -= count;
    }
    close(in);
    close(out);
  }
  closedir(folder);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: tree SOURCE TARGET N [sync]\n");
    return 64;
  }
  char path[8192], text[4201];
  memset(text, 'x', sizeof text);
  const int sizes[] = {1900, 2400, 4200};
  const char *names[] = {"task.json", "instructions.md", "adapter-result.schema.json"};
  double before = now_us();
  if (mkdir(argv[2], 0755) != 0) fail(argv[2]);
  snprintf(path, sizeof path, "%s/snapshot", argv[2]);
  copy_tree(argv[1], path);
  if (argc > 4) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0) fail("syncfs");
    close(fd);
  }
  for (int number = 0; number < atoi(argv[3]); number++) {
    snprintf(path, sizeof path, "%s/task-%d", argv[2], number);
    if (mkdir(path, 0755) != 0) fail(path);
    for (int at = 0; at < 3; at++) {
      snprintf(path, sizeof path, "%s/task-%d/%s", argv[2], number, names[at]);
      int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
      if (fd < 0) fail(path);
      write_all(fd, text, sizes[at]);
      close(fd);
    }
    snprintf(path, sizeof path, "%s/task-%d/scratch", argv[2], number);
    if (mkdir(path, 0755) != 0) fail(path);
  }
  printf("%.6f\n", (now_us() - before) / 1e6);
  return 0;
}
