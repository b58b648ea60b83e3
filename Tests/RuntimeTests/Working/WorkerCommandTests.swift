import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// The command line of a worker, and what it prints.
@Suite("a worker's command") struct WorkerCommandTests {
  @Test("placeholders are replaced once, wherever they stand; other braces stay")
  func placeholders() throws {
    let package = PackageLayout(root: "/p")
    let command = try WorkerCommand(
      [
        "sh", "{prompt}", "--out={result}", "{\"model\":\"m\",\"file\":\"{instructions}\"}", "{", "{resul}",
        "{{result}}", "$(touch /tmp/x)",
      ], folder: "/", path: "/bin")
    #expect(
      Array(command.arguments(package).dropFirst()) == [
        LeaseViews.agentPrompt(package), "--out=\(package.result)",
        "{\"model\":\"m\",\"file\":\"\(package.instructions)\"}", "{", "{resul}", "{\(package.result)}",
        "$(touch /tmp/x)",
      ])
    #expect(
      WorkerCommand.replacing(["{a}": "{b}", "{b}": "no"], in: "{a}") == "{b}", "what was put in stays")
  }

  @Test("the program is found before anything is leased, from the folder that it was typed in")
  func program() throws {
    #expect(try WorkerCommand(["sh", "x"], folder: "/tmp", path: "/nowhere:/bin").argv == ["/bin/sh", "x"])
    #expect(try WorkerCommand(["bin/sh"], folder: "/", path: "").argv == ["//bin/sh"])
    for (argv, word) in [
      ([], "no command"), ([""], "no command"),
      (["nothing-like-it"], "no program `nothing-like-it` along PATH"),
      (["./nothing"], "no program `./nothing`"), (["/etc/passwd"], "cannot be executed"),
      (["/bin/"], "no program"),
    ] {
      let error = #expect(throws: FlowdexError.self) { try WorkerCommand(argv, folder: "/tmp", path: "/bin") }
      #expect(error?.message.contains(word) == true, "\(argv): \(error?.message ?? "")")
    }
  }

  static let envelope = "{\"status\":\"completed\",\"summary\":\"s\"}"

  @Test(
    "the envelope in a standard output",
    arguments: [
      (envelope, envelope), ("\n  \(envelope)\n\n", envelope),
      ("I did it.\n```json\n\(envelope)\n```\nBye.\n", envelope),
      ("```\nfirst\n```\n  ```json\n\(envelope)\n  ```", envelope), ("log\nlog\n\(envelope)\n", envelope),
      ("", nil), ("done", nil), ("{\"result\":1}", nil), ("[1]", nil), ("```json\n\(envelope)\n", envelope),
      ("\(envelope)\ntrailing words", nil),
    ] as [(String, String?)])
  func envelopes(text: String, expected: String?) {
    #expect(
      WorkerOutput.envelope(in: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) } == expected)
  }

  @Test("the end of a standard error")
  func tails() {
    #expect(WorkerOutput.lastLine("one\ntwo \u{1B}[31m`three`\n\n  \n") == "two [31m'three'")
    #expect(WorkerOutput.lastLine("") == "")
    #expect(WorkerOutput.lastLine(String(repeating: "x", count: 999)).count == 200)
    #expect(WorkerOutput.tail(Array("abc".utf8), limitBytes: 3) == "abc")
    #expect(WorkerOutput.tail(Array("first\nsecond\nthird".utf8), limitBytes: 8) == "third")
    #expect(WorkerOutput.tail(Array(repeating: 120, count: 9), limitBytes: 4) == "xxxx")
  }
}
