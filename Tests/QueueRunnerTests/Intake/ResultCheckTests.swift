import Glibc
import Testing

@testable import QueueRunner

@Suite("check-result")
struct ResultCheckTests {
  private let folder: ScratchFolder
  private var result: String { "\(folder.path)/r.json" }
  private var task: String { "\(folder.path)/task.json" }

  init() throws { folder = try ScratchFolder() }

  @Test("judges as the watcher does")
  func judges() throws {
    try folder.write("r.json", EnvelopeCase.text())
    #expect(try ResultCheck.judge(file: result, task: nil) == [])
    try folder.write("r.json", EnvelopeCase.text(["diff": "1"]))
    #expect(
      try ResultCheck.judge(file: result, task: nil)
        == ["`/diff`: expected a string or null, found the number `1`"])
    try FileSystem.remove(result)
    #expect(symlink("x", result) == 0)
    #expect(
      try ResultCheck.judge(file: result, task: nil)
        == ["`r.json` is not a file: expected a regular file, found a symlink"])
  }

  @Test("the folder may be reached through a link, as `queue/claimed` reaches it")
  func linkedFolder() throws {
    try folder.write("r.json", EnvelopeCase.text())
    #expect(symlink(".", "\(folder.path)/claimed") == 0)
    #expect(try ResultCheck.judge(file: "\(folder.path)/claimed/r.json", task: nil) == [])
  }

  @Test("the task's schema is applied")
  func schema() throws {
    try folder.write("r.json", EnvelopeCase.text(["data": "{}"]))
    try folder.write(
      "task.json", "{\"format\":\"flowdex.task.v1\",\"schema\":{\"type\":\"object\",\"required\":[\"a\"]}}")
    let problems = try ResultCheck.judge(file: result, task: task)
    #expect(problems.count == 1 && problems[0].hasPrefix("`/data"), "\(problems)")
    try folder.write("task.json", "{\"format\":\"flowdex.task.v1\",\"schema\":null}")
    #expect(try ResultCheck.judge(file: result, task: task) == [])
  }

  @Test(
    "what cannot be judged is an error with a name",
    arguments: [
      (nil, nil, "file-not-found"), ("{}", "", "task-invalid"), ("{}", "{\"schema\":{}}", "task-invalid"),
      ("{}", "[1", "task-invalid"),
    ] as [(String?, String?, String)])
  func errors(file: String?, task text: String?, code: String) throws {
    if let file { try folder.write("r.json", file) }
    if let text { try folder.write("task.json", text) }
    let error = #expect(throws: FlowdexError.self) {
      try ResultCheck.judge(file: result, task: text == nil ? nil : task)
    }
    #expect(error?.code == code)
  }

  @Test("a task that is not there is said")
  func noTask() throws {
    try folder.write("r.json", EnvelopeCase.text())
    #expect(throws: FlowdexError.self) { try ResultCheck.judge(file: result, task: task) }
  }
}
