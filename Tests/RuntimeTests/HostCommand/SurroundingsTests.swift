import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("What a host command finds around it")
struct SurroundingsTests {
  private let fixture: HostCommandFixture

  init() throws { fixture = try HostCommandFixture() }

  @Test(
    "is exactly the environment it was given",
    arguments: [
      ["PATH": "/usr/bin"],
      ["PATH": "/usr/bin", "EMPTY": "", "SPACES": " a b ", "LINES": "a\nb", "NAME": "Zoë=1"], [:],
    ])
  func environment(given: [String: String]) async throws {
    let outcome = try await fixture.run(fixture.spec(["env", "-0"], environment: given))
    let found = try outcome.stdout.text.split(separator: "\0").sorted()
    #expect(found.map(String.init) == given.map { "\($0.key)=\($0.value)" }.sorted())
  }

  @Test("are its arguments, byte for byte")
  func arguments() async throws {
    let given = ["", " ", "a b", "line\nline", "$HOME `id` *", "--", "\\n", "Zoë", "\"'"]
    let outcome = try await fixture.run(["printf", "%s\\0"] + given)
    let found = try outcome.stdout.bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    #expect(found.map { String(decoding: $0, as: UTF8.self) } == given)
  }

  @Test("are no descriptors but the three")
  func descriptors() async throws {
    // One that exec would let through, far above the rest.
    let leak = fcntl(0, F_DUPFD, 300)
    defer { close(leak) }
    let outcome = try await fixture.run(["ls", "/proc/self/fd"])
    // 3 is the folder that ls reads.
    #expect(try outcome.stdout.text == "0\n1\n2\n3\n")
  }

  @Test("is an empty standard input")
  func standardInput() async throws {
    let outcome = try await fixture.run(["sh", "-c", "cat; readlink /proc/self/fd/0"])
    #expect(try outcome.stdout.text == "/dev/null\n")
  }

  @Test("is the folder it was given")
  func folder() async throws {
    let outcome = try await fixture.run(["readlink", "/proc/self/cwd"])
    #expect(try outcome.stdout.text.dropLast().hasSuffix(FileSystem.split(fixture.root).name) == true)
  }

  @Test("are signals as a program expects them, whatever ours are")
  func signals() async throws {
    // And left so: tests beside this one write to programs that may be gone already.
    signal(SIGPIPE, SIG_IGN)
    let prepared = try fixture.prepare(fixture.spec(["cat", "/proc/self/status"]))
    let status = try await prepared.outcome().stdout.text
    for name in ["SigBlk", "SigIgn", "SigCgt"] {
      #expect(status.contains("\(name):\t0000000000000000\n"), "\(name)")
    }
  }

  @Test("is a group of its own in its supervisor's session")
  func groupAndSession() async throws {
    let prepared = try fixture.prepare(fixture.spec(["cat", "/proc/self/stat"]))
    let fields = try await prepared.outcome().stdout.text.split(separator: " ")
    // Fields 1 (pid), 5 (group) and 6 (session).
    #expect(fields[4] == fields[0])
    #expect(fields[5] == "\(prepared.identity.pid)")
  }
}
