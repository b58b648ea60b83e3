// Reads one project file, whole and unmixed: hashed as it passes by, and copied where a copy is wanted.
//
// A copy is a reflink where the file system can (FICLONE, ioctl_ficlone(2)), hashed afterwards from the copy;
// else one pass of read(2) and write(2), which hashes on the way, so copy_file_range(2) would save nothing.
// Never a hard link: a worker that writes in place would reach the original.

import Glibc
import QueueRunner

/// What tests may watch and disturb.
struct SnapshotProbe: Sendable {
  /// Before a file's bytes are read.
  var willRead: @Sendable (_ path: String) -> Void = { _ in }
  /// After they were, and before it is known whether the file stood still.
  var didRead: @Sendable (_ path: String) -> Void = { _ in }
}

/// Takes files in from the project.
struct SnapshotIntake {
  /// How often a file that changes while it is read is read again.
  static let limitAttempts = 5
  private static let clone: UInt = 0x4004_9409
  private static let chunkBytes = 1 << 18

  let root: OpenFolder
  let probe: SnapshotProbe

  /// A file as it was read.
  struct Taken {
    let entry: FileSystem.Entry
    let sha256: String
  }

  /// Reads a file, and writes it to `destination` if there is one.
  ///
  /// - Throws: `OpenFolder.Refusal` for a file that is gone or must not be read; an error that names the file
  ///   if it changed each time.
  func take(_ path: String, into destination: String?) throws -> Taken {
    for _ in 0..<Self.limitAttempts {
      let source = try root.file(path)
      defer { close(source.descriptor) }
      probe.willRead(path)
      let (sha256, size) = try read(source.descriptor, path, into: destination)
      probe.didRead(path)
      var status = stat()
      guard fstat(source.descriptor, &status) == 0 else { throw FileSystem.failure("look at", path) }
      let after = FileSystem.Entry(status)
      if after == source.entry, size == after.size { return Taken(entry: after, sha256: sha256) }
    }
    throw FlowdexError.failed(
      "project-changing",
      "`\(path)` changed each of the \(Self.limitAttempts) times that it was read for a snapshot",
      next: "wait until nothing writes to it, or leave it out of `permissions.read`")
  }

  private func read(
    _ source: Int32, _ path: String, into destination: String?
  ) throws -> (sha256: String, size: Int64) {
    guard let destination else { return try pass(source, path, to: nil) }
    let copy = try FileSystem.open(destination, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    defer { close(copy) }
    if ioctl(copy, Self.clone, source) == 0 { return try pass(copy, destination, to: nil) }
    return try pass(source, path, to: (copy, destination))
  }

  private func pass(
    _ source: Int32, _ path: String, to copy: (descriptor: Int32, path: String)?
  ) throws -> (sha256: String, size: Int64) {
    var hash = Digest.Stream()
    var size: Int64 = 0
    try withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 16) { buffer in
      while true {
        let count = FileSystem.retrying { Glibc.read(source, buffer.baseAddress, buffer.count) }
        if count < 0 { throw FileSystem.failure("read", path) }
        if count == 0 { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        hash.update(bytes)
        if let copy { try FileSystem.writeAll(copy.descriptor, bytes, copy.path) }
        size += Int64(count)
      }
    }
    return (hash.finalHex(), size)
  }
}
