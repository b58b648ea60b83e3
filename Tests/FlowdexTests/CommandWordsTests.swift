import QueueRunner
import Testing

@testable import flowdex

@Suite("the words of a command line")
struct CommandWordsTests {
  @Test(
    "are split as the kernel keeps them",
    arguments: [
      ("flowdex\0list\0--json\0", ["list", "--json"]), ("flowdex\0", []), ("", []),
      ("f\0\0a b\0", ["", "a b"]),
    ])
  func split(kept: String, words: [String]) {
    #expect(CommandWords.split(Array(kept.utf8)) == words)
  }

  @Test("are found although a library that was loaded before has moved the environment")
  func preloaded() async throws {
    let scratch = try Scratch()
    let source =
      "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { setenv(\"MOVED\", \"1\", 1); }\n"
    try scratch.file("moved.c", source)
    let built = try await FaultTests.shell("clang -shared -fPIC -o moved.so moved.c", in: scratch.path)
    try #require(built.status == 0, "\(built)")
    let listed = try await Cli.run(
      ["list", "--json"], in: scratch.path, environment: ["LD_PRELOAD": "\(scratch.path)/moved.so"])
    #expect(try listed.status == 0 && listed.json() == [], "\(listed)")
  }
}
