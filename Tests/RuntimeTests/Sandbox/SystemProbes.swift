// The second wall by itself: a harness of an attacker's, started by the same launcher, with everything that
// Deno could permit. It calls the C library as native code would.

import CSpawn
import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// One attempt of a process that nothing but the kernel holds.
struct SystemProbe: Sendable, CustomTestStringConvertible {
  /// The body of an asynchronous function. `nr` has the numbers of calls, `call` makes one; what it makes of
  /// a failure is `errno N`.
  let body: String
  /// How what it gives or throws begins, or what it holds.
  let expected: String

  init(_ body: String, _ expected: String) {
    self.body = body
    self.expected = expected
  }

  var testDescription: String { body }

  /// A system call that must fail with that error.
  static func call(_ name: String, _ arguments: String = "", _ error: Int32 = EPERM) -> SystemProbe {
    SystemProbe("return call(nr.\(name)\(arguments.isEmpty ? "" : ", ")\(arguments))", "errno \(error);")
  }

  /// What Landlock refuses.
  static let files: [SystemProbe] = [
    SystemProbe("return Deno.readTextFileSync('/etc/passwd')", "Permission denied"),
    SystemProbe("return await Deno.readTextFile('/etc/hostname')", "Permission denied"),
    SystemProbe("return [...Deno.readDirSync('/')].length", "Permission denied"),
    SystemProbe("return [...Deno.readDirSync('.')].length", "Permission denied"),
    SystemProbe("return Deno.readTextFileSync(`/proc/${Deno.ppid}/environ`)", "Permission denied"),
    SystemProbe("return Deno.readTextFileSync(`/proc/${Deno.ppid}/maps`)", "Permission denied"),
    SystemProbe("return Deno.openSync(`/proc/${Deno.ppid}/mem`)", "Permission denied"),
    SystemProbe("return Deno.openSync('/proc/self/mem')", "Permission denied"),
    SystemProbe("return Deno.readTextFileSync('/proc/self/environ')", "Permission denied"),
    SystemProbe("return Deno.openSync('/dev/tty')", "Permission denied"),
    SystemProbe("return Deno.openSync('/dev/zero')", "Permission denied"),
    SystemProbe(
      "return await import('data:text/javascript,' + encodeURIComponent("
        + "'import s from \"file:///etc/passwd\" with { type: \"text\" }; export default s;'))",
      "Permission denied"),
    SystemProbe("return await import('file:///etc/passwd', { with: { type: 'text' } })", "Permission denied"),
    SystemProbe("return (await fetch('file:///etc/passwd')).text()", "Permission denied"),
    SystemProbe("await Deno.resolveDns('localhost', 'A')", "Permission denied"),
    SystemProbe("return new Deno.Command('/bin/true').outputSync().code", "Permission denied"),
    SystemProbe("Deno.dlopen('libsqlite3.so.0', {})", "Could not open library"),
  ]

  /// What the filter refuses, and the limits, and having no capability.
  static let calls: [SystemProbe] = [
    SystemProbe("Deno.writeTextFileSync('written', 'x')", "not permitted"),
    SystemProbe("Deno.writeTextFileSync('/dev/null', 'x')", "not permitted"),
    SystemProbe("Deno.mkdirSync('made')", "not permitted"),
    SystemProbe("Deno.removeSync('/proc/version')", "not permitted"),
    SystemProbe("Deno.renameSync('/proc/version', 'x')", "not permitted"),
    SystemProbe("Deno.symlinkSync('/etc/passwd', 'link')", "not permitted"),
    SystemProbe("Deno.chmodSync('/proc/version', 0o777)", "not permitted"),
    SystemProbe("Deno.utimeSync('/proc/version', 0, 0)", "not permitted"),
    SystemProbe("Deno.truncateSync('/proc/version')", "not permitted"),
    SystemProbe("await Deno.connect({ hostname: '127.0.0.1', port: 22 })", "not permitted"),
    SystemProbe("await Deno.connect({ transport: 'unix', path: '/run/socket' })", "not permitted"),
    SystemProbe("Deno.listen({ port: 0 })", "not permitted"),
    SystemProbe("await fetch('http://127.0.0.1/')", "fetch failed"),
    SystemProbe("Deno.watchFs('.')", "not permitted"),
    SystemProbe("Deno.kill(Deno.ppid, 'SIGCONT')", "EPERM"),
    SystemProbe("Deno.kill(1, 'SIGCONT')", "EPERM"), SystemProbe("localStorage.a = 'b'", "not permitted"),
    SystemProbe("process.setuid(65534)", "EPERM"),
    call("clone", "17"), call("clone3", "0, 0", ENOSYS), call("execve", "0, 0, 0"),
    call("execveat", "0, 0, 0"),
    call("socket", "2, 1, 0"), call("socket", "1, 1, 0"), call("socket", "16, 3, 0"),
    call("socketpair", "1, 2, 0, 0"), call("connect", "0, 0, 0"), call("sendto", "0, 0, 0, 0, 1, 16"),
    call("sendmsg", "0, 0, 0"), call("recvmsg", "0, 0, 0"), call("ptrace", "16, 1"),
    call("kill", "-1, 0"), call("kill", "Deno.ppid, 0"), call("kill", "0, 0"),
    call("tkill", "Deno.ppid, 0"), call("tgkill", "Deno.ppid, Deno.ppid, 0"),
    call("pidfd_open", "Deno.ppid, 0", ENOSYS), call("pidfd_send_signal", "0, 0", ENOSYS),
    call("fcntl", "0, 8, Deno.ppid"), call("ioctl", "0, 0x8901, 0"), call("ioctl", "0, 0x5412, 0"),
    call("memfd_create", "0, 0"), call("bpf", "0, 0, 0"), call("perf_event_open"), call("keyctl", "0, 0"),
    call("io_uring_setup", "1, 0", ENOSYS), call("userfaultfd"), call("inotify_init1"), call("signalfd4"),
    call("fanotify_init"), call("mount"), call("umount2"), call("chroot"), call("unshare", "0x10000000"),
    call("setns"), call("open_by_handle_at"), call("process_vm_readv", "Deno.ppid"),
    call("process_vm_writev", "Deno.ppid"), call("shmget"), call("mq_open"), call("personality", "0x40000"),
    call("prctl", "1, 0"), call("prlimit64", "Deno.ppid, 7, 0, 0"), call("prlimit64", "0, 7, 8, 0"),
    call("setrlimit", "7, 8"), call("capset"), call("reboot"), call("sync"), call("ftruncate", "0, 0"),
    call("openat", "-100, 0, 1"), call("openat", "-100, 0, 0o100"), call("openat2", "0, 0, 0", ENOSYS),
    SystemProbe("return call(500)", "errno \(ENOSYS);"),
    SystemProbe("return Deno.build.arch === 'x86_64' ? call(57) : call(nr.clone, 17)", "errno \(EPERM);"),
    SystemProbe(
      "return Deno.build.arch === 'x86_64' ? call(0x40000000 + 39) : call(500)", "errno \(ENOSYS);"),
  ]

  /// What native code still can, so that the others' failures are the filter's doing.
  static let allowed: [SystemProbe] = [
    SystemProbe("return call(nr.getpid) === Deno.pid", "true;"),
    SystemProbe("return call(nr.kill, Deno.pid, 0)", "0;"),
    SystemProbe("return call(nr.prlimit64, 0, 7, 0, 0)", "0;"),
    SystemProbe("return crypto.getRandomValues(new Uint8Array(4)).length", "4;"),
  ]
}

extension SystemProbe {
  /// The attacker's harness: it says what came of each body, a line each.
  private static func harness(_ probes: [SystemProbe]) -> String {
    """
    const numbers = {
    \(numbers.map { "  \($0): [\($1), \($2)]," }.joined(separator: "\n"))
    };
    const at = Deno.build.arch === "x86_64" ? 0 : 1;
    const nr = Object.fromEntries(Object.entries(numbers).map(([name, both]) => [name, both[at]]));
    const words = Array(7).fill("i64");
    const libc = Deno.dlopen("libc.so.6", {
      syscall: { parameters: words, result: "i64" }, __errno_location: { parameters: [], result: "pointer" },
    }).symbols;
    const call = (...given) => {
      while (given.length < 7) given.push(0);
      const answer = libc.syscall(...given.map(BigInt));
      if (answer >= 0) return Number(answer);
      return "errno " + new Deno.UnsafePointerView(libc.__errno_location()).getInt32();
    };
    const attempt = async (body) => {
      let text;
      try { text = String(await body()); } catch (error) { text = "threw " + error; }
      Deno.stdout.writeSync(new TextEncoder().encode(text.replaceAll("\\n", " ") + ";\\n"));
    };
    """ + probes.map { "\nawait attempt(async () => { \($0.body); });" }.joined()
  }

  /// What each body came to, by body; played once.
  static func outcomes(_ probes: [SystemProbe], _ containment: SessionContainment) throws -> [String: String]
  {
    let deno = try TestDeno.path.get()
    let url = "data:text/javascript;base64," + SessionCommand.base64(Array(harness(probes).utf8))
    let arguments = [
      deno, "run", "--allow-all", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-code-cache",
      "--v8-flags=--jitless", url,
    ]
    let said = try PermanentThread.run {
      try TestDeno.withFolder { folder in
        let configuration = DenoSession.Configuration(
          deno: deno, limits: .init(), workingFolder: folder, containment: containment)
        let process = try SessionProcess(configuration, arguments: arguments)
        defer { process.end() }
        var said: [UInt8] = []
        while true {
          _ = try Poller.wait([process.channel], timeoutMs: nil)
          guard let bytes = process.read() else { continue }
          if bytes.isEmpty { break }
          said += bytes
        }
        process.end()
        return String(decoding: said, as: UTF8.self) + String(decoding: process.lastErrors, as: UTF8.self)
      }
    }
    let lines = said.split(separator: "\n").map(String.init)
    guard lines.count == probes.count else {
      throw FlowdexError.bug("test", "the harness ended early: \(said)")
    }
    return Dictionary(zip(probes.map(\.body), lines)) { first, _ in first }
  }

  /// Name, number on x86_64, number on aarch64.
  private static let numbers: [(String, Int, Int)] = [
    ("clone", 56, 220), ("clone3", 435, 435), ("execve", 59, 221), ("execveat", 322, 281),
    ("socket", 41, 198),
    ("socketpair", 53, 199), ("connect", 42, 203), ("sendto", 44, 206), ("sendmsg", 46, 211),
    ("recvmsg", 47, 212), ("ptrace", 101, 117), ("kill", 62, 129), ("tkill", 200, 130), ("tgkill", 234, 131),
    ("pidfd_open", 434, 434), ("pidfd_send_signal", 424, 424), ("fcntl", 72, 25), ("ioctl", 16, 29),
    ("memfd_create", 319, 279), ("bpf", 321, 280), ("perf_event_open", 298, 241), ("keyctl", 250, 219),
    ("io_uring_setup", 425, 425), ("userfaultfd", 323, 282), ("inotify_init1", 294, 26),
    ("signalfd4", 289, 74), ("fanotify_init", 300, 262), ("mount", 165, 40), ("umount2", 166, 39),
    ("chroot", 161, 51), ("unshare", 272, 97), ("setns", 308, 268), ("open_by_handle_at", 304, 265),
    ("process_vm_readv", 310, 270), ("process_vm_writev", 311, 271), ("shmget", 29, 194),
    ("mq_open", 240, 180), ("personality", 135, 92), ("prctl", 157, 167), ("prlimit64", 302, 261),
    ("setrlimit", 160, 164), ("capset", 126, 91), ("reboot", 169, 142), ("sync", 162, 81),
    ("ftruncate", 77, 46), ("openat", 257, 56), ("openat2", 437, 437), ("getpid", 39, 172),
  ]
}

extension SessionTests {
  @Suite(.timeLimit(.minutes(15))) struct SystemProbes {
    private static let support = SessionContainmentSupport.ofThisKernel()
    private static let contained: Result<[String: String], any Error> = Result {
      try SystemProbe.outcomes(
        SystemProbe.files + SystemProbe.calls + SystemProbe.allowed,
        SessionContainment(program: TestDeno.path.get()))
    }

    private func check(_ probe: SystemProbe) throws {
      let said = try #require(try Self.contained.get()[probe.body])
      #expect(said.contains(probe.expected))
      #expect(said.hasPrefix("threw ") || said.hasPrefix("errno ") || said.hasPrefix(probe.expected))
    }

    @Test(
      .enabled(if: support.landlockVersion > 0, "the kernel has no Landlock"), arguments: SystemProbe.files)
    func files(probe: SystemProbe) throws { try check(probe) }

    @Test(.enabled(if: support.hasSeccomp, "the kernel has no seccomp"), arguments: SystemProbe.calls)
    func calls(probe: SystemProbe) throws { try check(probe) }

    @Test(arguments: SystemProbe.allowed) func allowed(probe: SystemProbe) throws { try check(probe) }

    /// The same attempts reach something in a process that is not contained.
    @Test func withoutContainmentTheyReachSomething() throws {
      let probes = [
        "return Deno.readTextFileSync('/etc/passwd').length", "return call(nr.socket, 1, 1, 0)",
        "return call(nr.kill, Deno.ppid, 0)", "return new Deno.Command('/bin/true').outputSync().code",
        "return call(nr.memfd_create, 0, 0) === 'errno 14'", "return call(nr.inotify_init1)",
        "return call(nr.prctl, 1, 9)",
      ].map { SystemProbe($0, "") }
      let said = try SystemProbe.outcomes(probes, .none)
      for (body, text) in said {
        #expect(!text.hasPrefix("threw ") && !text.hasPrefix("errno "), "\(body): \(text)")
      }
    }

    @Test func whatIsMissingIsSaid() {
      let all = SessionContainmentSupport(landlockVersion: 7, landlockReason: nil, hasSeccomp: true)
      let none = SessionContainmentSupport(
        landlockVersion: 0, landlockReason: "function not implemented", hasSeccomp: false)
      #expect(all.missing.isEmpty)
      #expect(none.missing.count == 2)
      #expect(none.missing.first?.contains("Landlock is not there (function not implemented)") == true)
      let old = SessionContainmentSupport(landlockVersion: 1, landlockReason: nil, hasSeccomp: false)
      #expect(old.missing.first?.contains("version 1") == true)
    }

    @Test func aProgramsOwnFilesAreFound() throws {
      let parts = ELFProgram.parts(of: try TestDeno.path.get())
      #expect(parts.loaders.count == 1 && parts.libraries.contains { $0.hasSuffix("/libc.so.6") })
      #expect(!parts.libraries.contains { ELFProgram.standardFolders.contains($0) })
      #expect(ELFProgram("/etc/passwd") == nil)
      #expect(ELFProgram.parts(of: "/etc/passwd").libraries == ELFProgram.standardFolders)
    }
  }
}
