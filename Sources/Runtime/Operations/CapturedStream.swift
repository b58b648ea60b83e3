// What a host command wrote to one of its streams: small output in memory, larger output in a file, never
// more than the cap, and hashed as it comes.

import Glibc
import QueueRunner

/// One stream of a finished host command.
struct CapturedStream: Sendable, Equatable {
  enum Storage: Sendable, Equatable {
    /// At most `ArtifactStore.inlineLimitBytes`.
    case inline([UInt8])
    /// A complete, synced file that whoever takes the outcome adopts or removes.
    case file(String)
  }

  let storage: Storage
  /// Of the bytes that were kept, lowercase hex.
  let sha256: String
  /// Bytes that were kept.
  let sizeBytes: Int
  /// Whether more came than was kept.
  let truncated: Bool
  /// Why less was kept than the cap allows, where the machine could not hold it.
  let problem: String?
}

/// Takes a stream piece by piece in constant memory. Owned by one thread.
struct StreamCapture {
  /// The most that stays in memory; the same as `ArtifactStore.inlineLimitBytes`, so that what is here in
  /// memory is a blob there.
  static let inlineLimitBytes = 64 << 10

  private let spillPath: String
  private let limitBytes: Int
  private var head: [UInt8] = []
  private var hash = Digest.Stream()
  private var keptBytes = 0
  private var truncated = false
  private var file: Int32?
  private var problem: String?

  /// - Parameters:
  ///   - spillPath: where a file is made once the output is too large for memory; nothing may be there yet.
  ///   - limitBytes: what is kept; the rest is counted as cut.
  init(spillPath: String, limitBytes: Int) {
    self.spillPath = spillPath
    self.limitBytes = max(0, limitBytes)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    let room = limitBytes - keptBytes
    let kept = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
    if kept.count < bytes.count { truncated = true }
    if kept.isEmpty || problem != nil { return }
    if file == nil, keptBytes + kept.count <= Self.inlineLimitBytes {
      head.append(contentsOf: kept)
    } else {
      spill(kept)
    }
    hash.update(kept)
    keptBytes += kept.count
  }

  /// A file that cannot be written costs the output's tail, not the command's outcome.
  private mutating func spill(_ bytes: UnsafeRawBufferPointer) {
    do {
      let descriptor = try file ?? openSpill()
      file = descriptor
      try FileSystem.writeAll(descriptor, bytes, spillPath)
    } catch {
      problem = "\(error)"
    }
  }

  private func openSpill() throws -> Int32 {
    let descriptor = try FileSystem.open(spillPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
    do {
      try head.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, spillPath) }
    } catch {
      close(descriptor)
      unlink(spillPath)
      throw error
    }
    return descriptor
  }

  /// Ends the capture. A file is synced before this returns.
  ///
  /// - Parameter discardFile: for an outcome that nobody will take: leaves no file.
  mutating func finish(discardFile: Bool) -> CapturedStream {
    if let file {
      if !discardFile, problem == nil, FileSystem.retrying({ fsync(file) }) != 0 {
        problem = "\(FileSystem.failure("sync", spillPath))"
      }
      close(file)
      if !discardFile, problem == nil {
        return CapturedStream(
          storage: .file(spillPath), sha256: hash.finalHex(), sizeBytes: keptBytes, truncated: truncated,
          problem: nil)
      }
      unlink(spillPath)
    }
    return CapturedStream(
      storage: .inline(head), sha256: Digest.sha256Hex(head), sizeBytes: head.count,
      truncated: truncated || head.count < keptBytes || problem != nil, problem: problem)
  }
}
