import Testing

/// Patches that must be refused, and a piece of what is said of them.
struct HostilePatch: Sendable, CustomTestStringConvertible {
  let name: String
  let patches: [String]
  let says: String
  var testDescription: String { name }

  init(_ name: String, _ patch: String, _ says: String) { self.init(name, [patch], says) }
  init(_ name: String, _ patches: [String], _ says: String) {
    (self.name, self.patches, self.says) = (name, patches, says)
  }

  /// A plain diff of one line in a file that holds `one`.
  static func change(_ path: String) -> String { "--- a/\(path)\n+++ b/\(path)\n" + body }
  static let body = "@@ -1 +1 @@\n-one\n+two\n"
  static func create(_ path: String, mode: String = "100644") -> String {
    "diff --git a/\(path) b/\(path)\nnew file mode \(mode)\n--- /dev/null\n+++ b/\(path)\n@@ -0,0 +1 @@\n+x\n"
  }
  static func delete(_ path: String) -> String {
    "diff --git a/\(path) b/\(path)\ndeleted file mode 100644\n--- a/\(path)\n+++ /dev/null\n@@ -1 +0,0 "
      + "@@\n-one\n"
  }
  static func rename(_ from: String, _ to: String, verb: String = "rename") -> String {
    "diff --git a/\(from) b/\(to)\nsimilarity index 100%\n\(verb) from \(from)\n\(verb) to \(to)\n"
  }
  static func hunk(_ text: String) -> String { "--- a/src/a\n+++ b/src/a\n" + text }
  static func git(_ header: String) -> String { "diff --git a/src/a b/src/a\n" + header }
  static func binary(_ text: String, id: String = String(repeating: "0", count: 40)) -> String {
    git("index \(id)..\(id)\nGIT binary patch\n" + text)
  }

  static let all: [HostilePatch] = paths + names + modes + hunks + sections + binaries + states

  static let paths: [HostilePatch] = [
    HostilePatch("outside the globs", change("README"), "`README` matches no glob"),
    HostilePatch("a neighbour of the glob", change("srcx/a"), "`srcx/a` matches no glob"),
    HostilePatch("creation outside", create("other/a"), "`other/a` matches no glob"),
    HostilePatch("deletion outside", delete("README"), "`README` matches no glob"),
    HostilePatch("parent folder", change("../outside/a"), "has `.` or `..` in it"),
    HostilePatch("parent folder inside", change("src/../README"), "has `.` or `..` in it"),
    HostilePatch("parent folder at the end", create("src/.."), "has `.` or `..` in it"),
    HostilePatch("a dot", create("src/./b"), "has `.` or `..` in it"),
    HostilePatch("absolute in plain", "--- /etc/passwd\n+++ /etc/passwd\n" + body, "is absolute"),
    HostilePatch("absolute after the prefix", change("/etc/passwd"), "is absolute"),
    HostilePatch(
      "absolute in git", "diff --git /etc/p /etc/p\n--- /etc/p\n+++ /etc/p\n" + body, "expected names"),
    HostilePatch("two slashes", create("src//b"), "has an empty name"),
    HostilePatch("a slash at the end", create("src/b/"), "has an empty name"),
    HostilePatch("no name", "--- a/\n+++ b/\n" + body, "expected names as git writes them"),
    HostilePatch(".git/config", change(".git/config"), "lies in `.git`"),
    HostilePatch(".git deeper", create("src/sub/.git/hooks/pre-commit", mode: "100755"), "lies in `.git`"),
    HostilePatch(".git as a file", create("src/.git"), "lies in `.git`"),
    HostilePatch(".GIT", create("src/.GIT/config"), "lies in `.git`"),
    HostilePatch(".flowdex", create(".flowdex/runs/x"), "lies in `.flowdex`"),
    HostilePatch(".flowdex deeper", create("src/.Flowdex/x"), "lies in `.flowdex`"),
    HostilePatch("a link", change("src/link"), "`src/link` is a symbolic link"),
    HostilePatch("a link is deleted", delete("src/link"), "is a symbolic link"),
    HostilePatch("a link above", change("src/linkdir/a"), "`src/linkdir` is a symbolic link"),
    HostilePatch("creation under a link", create("src/linkdir/new"), "`src/linkdir` is a symbolic link"),
    HostilePatch(
      "creation far under a link", create("src/linkdir/x/y/z"), "`src/linkdir` is a symbolic link"),
    HostilePatch("a dangling link", create("src/dangling"), "is a symbolic link"),
    HostilePatch("a FIFO", change("src/fifo"), "is not a plain file"),
    HostilePatch("under a file", create("src/a/b"), "lies under `src/a`, which is a file"),
    HostilePatch("over a folder", create("src/dir"), "is a folder that holds other things"),
    HostilePatch("rename out of the globs", rename("src/a", "README2"), "`README2` matches no glob"),
    HostilePatch("rename into the globs", rename("README", "src/b"), "`README` matches no glob"),
    HostilePatch("copy into the globs", rename("README", "src/b", verb: "copy"), "`README` matches no glob"),
    HostilePatch("rename to .git", rename("src/a", ".git/hooks/x"), "lies in `.git`"),
    HostilePatch("rename over a file", rename("src/a", "src/b"), "`src/b` already exists"),
    HostilePatch("copy over a file", rename("src/a", "src/b", verb: "copy"), "`src/b` already exists"),
    HostilePatch("very long", create("src/" + String(repeating: "d/", count: 1200) + "x"), "is longer than"),
    HostilePatch("very deep", create("src/" + String(repeating: "d/", count: 300) + "x"), "folders deep"),
    HostilePatch(
      "a long name", create("src/" + String(repeating: "n", count: 256)), "a name of more than 255"),
  ]

  private static func quoted(_ name: String) -> String {
    "diff --git \"a/\(name)\" \"b/\(name)\"\nnew file mode 100644\n--- /dev/null\n+++ \"b/\(name)\"\n"
      + "@@ -0,0 +1 @@\n+x\n"
  }

  static let names: [HostilePatch] = [
    HostilePatch("a line feed in a name", quoted("src/a\\nb"), "invisible character"),
    HostilePatch("an escape character", quoted("src/a\\033[2Jb"), "invisible character"),
    HostilePatch("NUL in a name", quoted("src/a\\000b"), "invisible character"),
    HostilePatch("DEL in a name", quoted("src/a\\177b"), "invisible character"),
    HostilePatch("not UTF-8", quoted("src/\\377\\376"), "not valid UTF-8"),
    HostilePatch("overlong UTF-8", quoted("src/\\300\\257x"), "not valid UTF-8"),
    HostilePatch("a surrogate", quoted("src/\\355\\240\\200"), "not valid UTF-8"),
    HostilePatch("octal dots", quoted("src/\\056\\056/README"), "has `.` or `..` in it"),
    HostilePatch("zero width", create("src/a\u{200B}b"), "invisible character"),
    HostilePatch("zero width joiner in .git", create("src/.g\u{200D}it/config"), "invisible character"),
    HostilePatch("right to left", create("src/\u{202E}txt.exe"), "invisible character"),
    HostilePatch("a byte order mark", create("src/\u{FEFF}a"), "invisible character"),
    HostilePatch("a soft hyphen", create("src/a\u{AD}b"), "invisible character"),
    HostilePatch("a line separator", create("src/a\u{2028}b"), "invisible character"),
    HostilePatch("a carriage return", "--- a/src/a\r\n+++ b/src/a\r\n" + body, "invisible character"),
    HostilePatch("a bad escape", quoted("src/\\x41"), "an escape that git does not write"),
    HostilePatch("a short octal", quoted("src/\\41"), "an escape that git does not write"),
    HostilePatch("a large octal", quoted("src/\\777"), "an escape that git does not write"),
    HostilePatch("a quote without end", "--- \"a/src/a\n+++ \"b/src/a\n" + body, "has no end"),
    HostilePatch("a quote with more", "--- \"a/src/a\"x\n+++ \"b/src/a\"x\n" + body, "followed by text"),
    HostilePatch("no prefixes", "--- src/a\n+++ src/a\n" + body, "expected names as git writes them"),
    HostilePatch(
      "no prefixes in git", "diff --git src/a src/a\n--- src/a\n+++ src/a\n" + body, "as git writes them"),
    HostilePatch(
      "no prefixes, folder b", "--- b/src/a\n+++ b/src/a\n" + body, "expected names as git writes them"),
    HostilePatch(
      "folders of diff -r", "--- old/src/a\n+++ new/src/a\n" + body, "expected names as git writes them"),
    HostilePatch("both /dev/null", "--- /dev/null\n+++ /dev/null\n" + body, "both names are `/dev/null`"),
    HostilePatch("two names", "--- a/src/a\n+++ b/src/b\n" + body, "nothing says rename or copy"),
    HostilePatch(
      "two names in git", "diff --git a/src/a b/src/b\n--- a/src/a\n+++ b/src/b\n" + body, "says rename"),
    HostilePatch(
      "names disagree", "diff --git a/src/a b/src/a\n--- a/src/b\n+++ b/src/b\n" + body, "do not agree"),
    HostilePatch(
      "rename disagrees", "diff --git a/src/a b/src/z\nrename from src/b\nrename to src/z\n", "do not agree"),
    HostilePatch(
      "three names", git("rename from src/a\nrename to src/a\n--- a/src/b\n+++ b/src/b\n") + body,
      "do not fit"),
    HostilePatch(
      "one name only", "diff --git a/src/a\nnew mode 100755\n", "expected names as git writes them"),
  ]

  static let modes: [HostilePatch] = [
    HostilePatch("a new link", create("src/l", mode: "120000"), "is a symbolic link"),
    HostilePatch("a submodule", create("src/s", mode: "160000"), "is a submodule"),
    HostilePatch("a folder", create("src/s", mode: "040000"), "neither `100644` nor `100755`"),
    HostilePatch("setuid", create("src/s", mode: "104755"), "neither `100644` nor `100755`"),
    HostilePatch("writable by all", create("src/s", mode: "100666"), "neither `100644` nor `100755`"),
    HostilePatch("a long mode", create("src/s", mode: "0100644"), "neither `100644` nor `100755`"),
    HostilePatch("a mode with more", create("src/s", mode: "100644 "), "neither `100644` nor `100755`"),
    HostilePatch("becomes a link", git("old mode 100644\nnew mode 120000\n"), "is a symbolic link"),
    HostilePatch("was a link", git("old mode 120000\nnew mode 100644\n"), "is a symbolic link"),
    HostilePatch("link in the index line", git("index 1234567..89abcde 120000\n"), "is a symbolic link"),
    HostilePatch("submodule in the index line", git("index 1234567..89abcde 160000\n"), "is a submodule"),
    HostilePatch("deletes a link", git("deleted file mode 120000\n"), "is a symbolic link"),
    HostilePatch("new mode alone", git("new mode 100755\n"), "needs both"),
    HostilePatch("old mode alone", git("old mode 100755\n"), "needs both"),
    HostilePatch("new and deleted", git("new file mode 100644\ndeleted file mode 100644\n"), "two of these"),
    HostilePatch(
      "new and renamed", git("new file mode 100644\nrename from src/a\nrename to src/a\n"), "two of these"),
    HostilePatch(
      "twice a mode", git("old mode 100644\nnew mode 100755\nnew mode 100644\n"), "two lines `new mode`"),
    HostilePatch("rename without to", git("rename from src/a\n"), "needs both `from` and `to`"),
    HostilePatch(
      "mode of a file that is not there",
      "diff --git a/src/n b/src/n\nold mode 100644\nnew mode 100755\n", "`src/n` does not exist"),
  ]
}
