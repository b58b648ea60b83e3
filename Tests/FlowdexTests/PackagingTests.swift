import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// The Debian package: built from the binary under test, installed into a root of its own, used, and removed.
@Suite("the package", .timeLimit(.minutes(15)))
struct PackagingTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// - Returns: what it prints.
  private func run(_ program: String, _ arguments: [String]) async throws -> String {
    let result = try await Subprocess.run(
      program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
      output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20))
    #expect(
      result.terminationStatus.isSuccess,
      "\(program): \(result.standardError)\(result.standardOutput)")
    return result.standardOutput
  }

  /// A root with the package in it, as `dpkg --root` makes one; nothing of the machine is touched.
  private func installed() async throws -> (root: String, package: String) {
    let built = try await run("\(Cli.packageRoot)/docs/packaging/deb.sh", [Cli.binary, scratch.path])
    let package = String(built.prefix { !$0.isNewline })
    let root = "\(scratch.path)/root"
    for folder in ["info", "updates"] { try FileSystem.makeDirectories("\(root)/var/lib/dpkg/\(folder)") }
    for file in ["status", "available"] { try FileSystem.write([], to: "\(root)/var/lib/dpkg/\(file)") }
    _ = try await dpkg(root, ["--install", package])
    return (root, package)
  }

  private func dpkg(_ root: String, _ arguments: [String]) async throws -> String {
    try await run(
      "dpkg", ["--root=\(root)", "--log=/dev/null", "--force-depends,not-root,bad-path"] + arguments)
  }

  @Test("is installed, works, has a page for each command and completes words; removed, it leaves nothing")
  func wholeLife() async throws {
    let (root, package) = try await installed()
    let version = try await run("\(root)/usr/bin/flowdex", ["--version"])
    #expect(version == (try await run(Cli.binary, ["--version"])))
    #expect(try await run("dpkg-deb", ["--field", package, "Depends"]).contains("libsqlite3-0"))
    #expect(try await run("dpkg-deb", ["--field", package, "Description"]).contains("NOTICE.md"))

    let pages = Set(try FileSystem.names(in: "\(root)/usr/share/man/man1"))
    let help = try await run(Cli.binary, ["--help"])
    let commands = help.split(separator: "\n").drop { !$0.hasPrefix("SUBCOMMANDS") }.dropFirst()
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(commands.count > 20)
    for command in commands { #expect(pages.contains("flowdex-\(command).1"), "\(command)") }
    for page in pages {
      let text = String(decoding: try FileSystem.read("\(root)/usr/share/man/man1/\(page)"), as: UTF8.self)
      #expect(text.contains(".SH EXIT STATUS") && text.contains(".SH NAME"), "\(page)")
    }

    let completion = "\(root)/usr/share/bash-completion/completions/flowdex"
    let words = try await run(
      "bash",
      [
        "-c",
        "PATH=$2/usr/bin:$PATH; . $1; COMP_WORDS=(flowdex rep); COMP_CWORD=1; COMP_LINE='flowdex rep'; COMP_POINT=11; "
          + "_flowdex flowdex rep flowdex; printf '%s\\n' \"${COMPREPLY[@]}\"", "bash", completion, root,
      ])
    #expect(
      words.split { $0.isWhitespace }.map(String.init).sorted() == [
        "repair-events", "report",
      ])

    _ = try await dpkg(root, ["--purge", "flowdex"])
    #expect(!FileSystem.exists("\(root)/usr/bin/flowdex"))
    #expect(!FileSystem.exists("\(root)/usr/share/doc/flowdex"))
  }

  @Test("`make install` puts the same files under any prefix")
  func prefix() async throws {
    _ = try await run(
      "make",
      [
        "--no-print-directory", "-C", Cli.packageRoot, "install-files", "BINARY=\(Cli.binary)",
        "PREFIX=\(scratch.path)/own",
      ])
    #expect(FileSystem.exists("\(scratch.path)/own/share/zsh/site-functions/_flowdex"))
    #expect(FileSystem.exists("\(scratch.path)/own/share/man/man1/flowdex-run.1"))
    #expect(try await run("\(scratch.path)/own/bin/flowdex", ["--version"]).contains("."))
  }
}
