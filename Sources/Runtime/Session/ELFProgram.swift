// Which files a program needs to start: read from the program itself (elf(5)), as the loader will read it. So
// a contained process is left its own libraries and not all of the machine's.

import Glibc
import QueueRunner

/// The head of a program or library of this machine's kind: 64 bits, little-endian.
struct ELFProgram {
  /// The loader that the kernel starts it with; nil for a library.
  private(set) var loader: String?
  /// Libraries, by name or by path.
  private(set) var needed: [String] = []
  /// Folders where it looks for them first.
  private(set) var folders: [String] = []

  /// Where the loader looks by itself, in any order: what is the first there is the same file everywhere.
  static let standardFolders: [String] = {
    #if arch(x86_64)
      let triple = "x86_64-linux-gnu"
    #else
      let triple = "aarch64-linux-gnu"
    #endif
    return ["/lib/\(triple)", "/usr/lib/\(triple)", "/lib64", "/usr/lib64", "/lib", "/usr/lib"]
  }()

  /// The files that a program is loaded from, besides itself. Where one cannot be found or read, the
  /// standard folders stand for it: rather too much to read than no start.
  static func parts(of program: String) -> (loaders: [String], libraries: [String]) {
    var loaders: [String] = []
    var libraries: [String] = []
    var isComplete = true
    var waiting = [program]
    while let path = waiting.popLast() {
      guard let file = ELFProgram(path) else {
        isComplete = false
        continue
      }
      if path == program, let loader = file.loader { loaders.append(loader) }
      for name in file.needed {
        guard let found = file.find(name) else {
          isComplete = false
          continue
        }
        if libraries.contains(found) || loaders.contains(found) { continue }
        libraries.append(found)
        waiting.append(found)
      }
    }
    return (loaders, isComplete ? libraries : libraries + standardFolders)
  }

  private func find(_ name: String) -> String? {
    if name.contains("/") { return FileSystem.exists(name) ? name : nil }
    return (folders + Self.standardFolders).map { "\($0)/\(name)" }.first(where: FileSystem.exists)
  }

  /// Nil for what is not such a file.
  init?(_ path: String) {
    guard let bytes = FileBytes(path), let segments = Self.segments(bytes) else { return nil }
    loader = segments.first { $0.kind == 3 }.flatMap { bytes.text(at: $0.offset, limit: $0.size) }
    guard let dynamic = segments.first(where: { $0.kind == 2 }) else { return }
    var entries: [(tag: UInt64, value: UInt64)] = []
    for at in stride(from: 0, to: min(dynamic.size, 1 << 16), by: 16) {
      guard let tag = bytes.number(at: dynamic.offset + at, bytes: 8),
        let value = bytes.number(at: dynamic.offset + at + 8, bytes: 8)
      else { return nil }
      if tag == 0 { break }
      entries.append((tag, value))
    }
    // Names are places in one table, whose address is that of the loaded program.
    guard let table = entries.first(where: { $0.tag == 5 })?.value,
      let segment = segments.first(where: { $0.kind == 1 && $0.holds(table) })
    else { return }
    let start = segment.offset + Int(clamping: table - segment.address)
    func texts(_ tag: UInt64) -> [String] {
      entries.filter { $0.tag == tag }.compactMap {
        bytes.text(at: start + Int(clamping: min($0.value, 1 << 40)), limit: 4096)
      }
    }
    needed = texts(1)
    let origin = FileSystem.split(Self.resolved(path)).parent
    folders = (texts(29) + texts(15)).flatMap { $0.split(separator: ":") }.map {
      String($0).replacing("${ORIGIN}", with: origin).replacing("$ORIGIN", with: origin)
    }
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private struct Segment {
    var kind: UInt64
    var offset: Int
    var address: UInt64
    var size: Int

    func holds(_ place: UInt64) -> Bool { place >= address && place - address < UInt64(size) }
  }

  /// The program headers; nil for what does not begin as such a file does.
  private static func segments(_ bytes: FileBytes) -> [Segment]? {
    // The magic number, 64 bits, little-endian.
    guard bytes.number(at: 0, bytes: 6) == 0x0102_464c_457f, let table = bytes.number(at: 32, bytes: 8),
      let size = bytes.number(at: 54, bytes: 2), let count = bytes.number(at: 56, bytes: 2),
      size >= 56, table < 1 << 40
    else { return nil }
    return (0..<Int(count)).compactMap { index in
      let at = Int(table) + index * Int(size)
      guard let kind = bytes.number(at: at, bytes: 4), let offset = bytes.number(at: at + 8, bytes: 8),
        let address = bytes.number(at: at + 16, bytes: 8), let size = bytes.number(at: at + 32, bytes: 8),
        offset < 1 << 40, size < 1 << 40
      else { return nil }
      return Segment(kind: kind, offset: Int(offset), address: address, size: Int(size))
    }
  }
}

/// Bytes of an open file, read where they are asked for.
private final class FileBytes {
  private let descriptor: Int32

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  /// At most eight bytes as a number, little-endian.
  func number(at place: Int, bytes count: Int) -> UInt64? {
    guard let bytes = read(place, count), bytes.count == count else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Up to the zero that ends it.
  func text(at place: Int, limit: Int) -> String? {
    guard let bytes = read(place, min(limit, 4096)), let end = bytes.firstIndex(of: 0) else { return nil }
    return String(decoding: bytes[..<end], as: UTF8.self)
  }

  private func read(_ place: Int, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = FileSystem.retrying { pread(descriptor, &bytes, count, off_t(place)) }
    return got < 0 ? nil : Array(bytes.prefix(got))
  }
}
