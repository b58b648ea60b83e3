extension HostilePatch {
  static let hunks: [HostilePatch] = [
    HostilePatch("other content", hunk("@@ -1 +1 @@\n-uno\n+two\n"), "are not the whole file"),
    HostilePatch("count too large", hunk("@@ -1,2 +1,2 @@\n-one\n+two\n"), "ends before its counts"),
    HostilePatch(
      "count too small", hunk("@@ -1 +1 @@\n-one\n+two\n+three\n"), "the counts after `@@` do not fit"),
    HostilePatch(
      "old count too small", "--- a/src/l\n+++ b/src/l\n@@ -1,1 +1,2 @@\n-1\n-2\n+x\n+y\n", "fewer lines"),
    HostilePatch("a context line left over", hunk(body + " more\n"), "the counts after `@@` do not fit"),
    HostilePatch(
      "huge counts", hunk("@@ -1,999999999 +1,999999999 @@\n-one\n+two\n"), "ends before its counts"),
    HostilePatch(
      "counts past all bounds", hunk("@@ -1,99999999999999999999 +1 @@\n-one\n+two\n"), "expected `@@"),
    HostilePatch("a negative count", hunk("@@ -1,-1 +1 @@\n-one\n+two\n"), "expected `@@"),
    HostilePatch("no numbers", hunk("@@ - + @@\n-one\n+two\n"), "expected `@@"),
    HostilePatch("no plus", hunk("@@ -1 1 @@\n-one\n+two\n"), "expected `@@"),
    HostilePatch("no end of the ranges", hunk("@@ -1 +1\n-one\n+two\n"), "expected `@@"),
    HostilePatch("a combined diff", hunk("@@@ -1 -1 +1 @@@\n- one\n +two\n"), "no hunk after"),
    HostilePatch("three numbers", hunk("@@ -1,1,1 +1 @@\n-one\n+two\n"), "expected `@@"),
    HostilePatch("line 0", hunk("@@ -0,1 +1 @@\n-one\n+two\n"), "expected `@@"),
    HostilePatch("far past the end", hunk("@@ -900,3 +900,3 @@\n x\n-one\n+two\n y\n"), "do not occur"),
    HostilePatch("no hunk", hunk(""), "no hunk after"),
    HostilePatch("nothing changed", hunk("@@ -1 +1 @@\n one\n"), "changes nothing"),
    HostilePatch("an empty hunk", hunk("@@ -0,0 +0,0 @@\n"), "changes nothing"),
    HostilePatch(
      "overlap",
      "--- a/src/l\n+++ b/src/l\n@@ -1,3 +1,3 @@\n-1\n+x\n 2\n 3\n@@ -3,3 +3,3 @@\n 3\n-4\n+y\n 5\n",
      "overlaps"),
    HostilePatch(
      "backwards",
      "--- a/src/l\n+++ b/src/l\n@@ -5,3 +5,3 @@\n 5\n-6\n+x\n 7\n@@ -1,3 +1,3 @@\n 1\n-2\n+y\n 3\n",
      "comes too late"),
    HostilePatch(
      "at more than one place",
      "--- a/src/many\n+++ b/src/many\n@@ -9,3 +9,3 @@\n {\n-x\n+y\n }\n", "occur more than once"),
    HostilePatch("without context", "--- a/src/l\n+++ b/src/l\n@@ -2,0 +3 @@\n+x\n", "no context"),
    HostilePatch(
      "at the end, but it is not",
      "--- a/src/l\n+++ b/src/l\n@@ -3,2 +3,3 @@\n 3\n 4\n+x\n", "are not at its end"),
    HostilePatch(
      "at the beginning, but it is not",
      "--- a/src/l\n+++ b/src/l\n@@ -1,2 +1,3 @@\n+x\n 2\n 3\n", "are not at its beginning"),
    HostilePatch(
      "a line feed where none is", "--- a/src/bare\n+++ b/src/bare\n" + body, "are not the whole file"),
    HostilePatch(
      "no line feed where one is",
      hunk("@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+two\n"), "are not the whole file"),
    HostilePatch(
      "no line feed in the middle",
      "--- a/src/l\n+++ b/src/l\n@@ -1,3 +1,3 @@\n 1\n-2\n+x\n\\ No newline at end of file\n 3\n",
      "no line feed at the end"),
    HostilePatch(
      "no line feed, then more of the file",
      "--- a/src/l\n+++ b/src/l\n@@ -1,2 +1,2 @@\n 1\n-2\n+x\n\\ No newline at end of file\n",
      "are not the whole file"),
    HostilePatch(
      "two marks", hunk(body + "\\ No newline at end of file\n\\ No newline at end of file\n"), "do not fit"),
    HostilePatch(
      "a mark first", hunk("@@ -1 +1 @@\n\\ No newline at end of file\n-one\n+two\n"), "fewer lines"),
    HostilePatch("a strange sign", hunk("@@ -1 +1 @@\n*one\n+two\n"), "fewer lines"),
    HostilePatch("carriage returns added", hunk("@@ -1 +1 @@\r\n-one\r\n+two\r\n"), "expected `@@"),
    HostilePatch(
      "deletion that leaves content",
      "--- a/src/l\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n", "are not the whole file"),
    HostilePatch("/dev/null with lines", "--- /dev/null\n+++ b/src/n\n" + body, "a side that is `/dev/null`"),
    HostilePatch(
      "git deletion that leaves content",
      git("deleted file mode 100644\n--- a/src/a\n+++ /dev/null\n@@ -1 +1 @@\n-one\n+two\n"),
      "does not remove all"),
  ]

  static let sections: [HostilePatch] = [
    HostilePatch("empty", "", "is empty"),
    HostilePatch("white space", " \n\n", "is empty"),
    HostilePatch("prose", "nothing to see\n", "changes no file"),
    HostilePatch("null as text", "null\n", "changes no file"),
    HostilePatch("cut off", hunk("@@ -1 +1 @@\n-one\n+two"), "does not end in a line feed"),
    HostilePatch("a hunk alone", body, "without the header of a file"),
    HostilePatch("a header alone", git(""), "followed by no change"),
    HostilePatch("an index line alone", git("index 1234567..89abcde 100644\n"), "followed by no change"),
    HostilePatch("git header, then a hunk", git(body), "without the lines `---` and `+++`"),
    HostilePatch("--- without +++", git("--- a/src/a\n" + body), "without a line `+++`"),
    HostilePatch("stray addition", change("src/a") + "+stray\n", "do not fit"),
    HostilePatch("stray --- ", change("src/a") + "--- a/src/b\n", "do not fit"),
    HostilePatch("stray header", change("src/a") + "new mode 100755\n", "a line of a header after"),
    HostilePatch(
      "stray hunk after prose", change("src/a") + "hello\n" + body, "without the header of a file"),
    HostilePatch("a signature hides lines", change("src/a") + "-- \n+x\n", "do not fit"),
    HostilePatch(
      "binary files differ", git("index 1234567..89abcde\nBinary files a/src/a and b/src/a differ\n"),
      "--binary"),
    HostilePatch("plain binary files differ", "Binary files a/src/a and b/src/a differ\n", "--binary"),
    HostilePatch("the same file twice", change("src/a") + change("src/a"), "named twice"),
    HostilePatch("changed and deleted", change("src/a") + delete("src/a"), "named twice"),
    HostilePatch("created twice", create("src/n") + create("src/n"), "named twice"),
    HostilePatch("created, then deleted", create("src/n") + delete("src/n"), "`src/n` does not exist"),
    HostilePatch("renamed twice", rename("src/a", "src/x") + rename("src/a", "src/y"), "named twice"),
    HostilePatch("renamed to one name", rename("src/a", "src/x") + rename("src/b", "src/x"), "named twice"),
    HostilePatch("a file and under it", create("src/n") + create("src/n/m"), "lies under `src/n`"),
    HostilePatch("under it and the file", create("src/n/m") + create("src/n"), "lies under `src/n`"),
    HostilePatch("good, then bad", change("src/a") + change("README"), "`README` matches no glob"),
    HostilePatch("bad, then good", change("README") + change("src/a"), "`README` matches no glob"),
    HostilePatch("good and bad patches", [change("src/a"), change(".git/config")], "patch 2 of 2"),
    HostilePatch(
      "out and back in two patches",
      [rename("src/a", "out"), rename("out", "src/a")], "`out` matches no glob"),
  ]

  static let binaries: [HostilePatch] = [
    HostilePatch("no data", binary(""), "expected `literal` or `delta`"),
    HostilePatch("a bomb", binary("literal 999999999\nzcmV\n\n"), "unpacks to more"),
    HostilePatch("a size past all bounds", binary("literal 99999999999999999999\n\n"), "unpacks to more"),
    HostilePatch("no length", binary("literal 3\n0cmV\n\n"), "begin with its length"),
    HostilePatch("a wrong length", binary("literal 3\nHcmV\n\n"), "as long as its first letter says"),
    HostilePatch("no base 85", binary("literal 3\nDcmV \"\n\n"), "not base 85"),
    HostilePatch("a group too large", binary("literal 3\nD~~~~~\n\n"), "too large"),
    HostilePatch("no zlib", binary("literal 3\nDcmV?d\n\n"), "is damaged"),
    HostilePatch("no empty line", binary("literal 0\nHcmV?d00001\n"), "without the empty line"),
    HostilePatch("another size", binary("literal 1\nHcmV?d00001\n\n"), "is damaged"),
    HostilePatch("for another content", binary("literal 0\nHcmV?d00001\n\n"), "for another content"),
    HostilePatch("no ids", git("GIT binary patch\nliteral 0\nHcmV?d00001\n\n"), "needs the full ids"),
    HostilePatch(
      "short ids", git("index 5626abf..0000000\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n"), "full ids"),
    HostilePatch(
      "a delta that is none",
      binary("delta 0\nHcmV?d00001\n\n", id: "5626abf0f72e58d7a153368ba57db4c673c0e171"),
      "the delta of a binary patch"),
  ]

  static let states: [HostilePatch] = [
    HostilePatch("creates what is there", create("src/a"), "`src/a` already exists"),
    HostilePatch("changes what is not there", change("src/none"), "`src/none` does not exist"),
    HostilePatch("deletes what is not there", delete("src/none"), "`src/none` does not exist"),
    HostilePatch("renames what is not there", rename("src/none", "src/x"), "`src/none` does not exist"),
    HostilePatch(
      "copies what is not there", rename("src/none", "src/x", verb: "copy"), "`src/none` does not exist"),
    HostilePatch(
      "renames to itself", git("rename from src/a\nrename to src/a\n") + create("src/a"), "named twice"),
    HostilePatch(
      "twice in two patches", [delete("src/a"), delete("src/a")], "patch 2 of 2: `src/a` does not exist"),
    HostilePatch(
      "deletes without saying so", git("--- a/src/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"), "needs the line"),
    HostilePatch(
      "deletes without showing the content", git("deleted file mode 100644\n"), "does not remove all"),
    HostilePatch(
      "a header of a thousand readings",
      "diff --git a/x" + String(repeating: " b/x", count: 1000) + "\nnew mode 100755\n", "too many ways"),
    HostilePatch("changes a folder", change("src/dir"), "`src/dir` does not exist"),
    HostilePatch("an empty second patch", [change("src/a"), ""], "patch 2 of 2: is empty"),
  ]
}
