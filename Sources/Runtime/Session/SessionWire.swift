// The frames between flowdex and the harness: length (uint32, little-endian), secret (32 bytes), kind (one
// byte), then fields, each a length (uint32) and bytes. The same is said at the head of harness.js. Pure.

import QueueRunner

/// One frame, taken apart.
struct SessionFrame: Equatable {
  var kind: UInt8
  var fields: [String]

  static let secretBytes = 32

  /// The bytes to send.
  func encoded(secret: [UInt8]) -> [UInt8] {
    let fieldBytes = fields.reduce(0) { $0 + 4 + $1.utf8.count }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + Self.secretBytes + 1 + fieldBytes)
    Self.append(Self.secretBytes + 1 + fieldBytes, to: &bytes)
    bytes += secret
    bytes.append(kind)
    for field in fields {
      Self.append(field.utf8.count, to: &bytes)
      bytes.append(contentsOf: field.utf8)
    }
    return bytes
  }

  private static func append(_ length: Int, to bytes: inout [UInt8]) {
    let value = UInt32(clamping: length)
    for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
  }
}

/// What is wrong with bytes that should have been a frame.
struct SessionWireError: Error, Equatable {
  let text: String
}

/// Takes frames from bytes that arrive in pieces. The sender is not trusted.
struct SessionFrameReader {
  private let secret: [UInt8]
  private let limitBytes: Int
  private var buffer: [UInt8] = []
  private var taken = 0
  /// Bytes of all frames so far, those announced included.
  private(set) var totalBytes = 0
  private var announced: Int?

  /// - Parameter limitBytes: what all frames together may come to.
  init(secret: [UInt8], limitBytes: Int) {
    self.secret = secret
    self.limitBytes = limitBytes
  }

  mutating func append(_ bytes: some Collection<UInt8>) {
    if taken == buffer.count {
      buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
      taken = 0
    } else if taken > 1 << 20 {
      buffer.removeFirst(taken)
      taken = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// Whether frames have come, or been announced, beyond the limit.
  var isOverLimit: Bool { totalBytes > limitBytes }

  /// The next whole frame; nil until it is there, and for ever once the limit is passed.
  mutating func next() throws(SessionWireError) -> SessionFrame? {
    if announced == nil {
      guard buffer.count - taken >= 4 else { return nil }
      let length = Self.length(buffer, taken)
      taken += 4
      announced = length
      totalBytes += length
    }
    guard let length = announced, !isOverLimit, buffer.count - taken >= length else { return nil }
    announced = nil
    let end = taken + length
    defer { taken = end }
    let head = SessionFrame.secretBytes
    guard length > head, buffer[taken..<taken + head].elementsEqual(secret) else {
      throw SessionWireError(text: "a frame does not carry the session's secret")
    }
    var at = taken + head + 1
    var frame = SessionFrame(kind: buffer[at - 1], fields: [])
    while at < end {
      guard end - at >= 4, case let size = Self.length(buffer, at), size <= end - at - 4 else {
        throw SessionWireError(text: "a field of a frame is longer than the frame")
      }
      at += 4
      frame.fields.append(String(decoding: buffer[at..<at + size], as: UTF8.self))
      at += size
    }
    return frame
  }

  private static func length(_ bytes: [UInt8], _ at: Int) -> Int {
    Int(bytes[at]) | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]) << 16 | Int(bytes[at + 3]) << 24
  }
}

/// A turn as the harness words it: state, value, the manifest's text (in the first), then the entries.
struct TurnMessage: Equatable {
  var turn: Turn
  var manifestText: String
  /// The state `memory`: an allocation failed, which the callback may not go on from.
  var isOutOfMemory = false

  init(_ fields: [String]) throws(SessionWireError) {
    guard fields.count >= 3 else { throw SessionWireError(text: "a turn has \(fields.count) fields") }
    turn = Turn(state: .suspended)
    manifestText = fields[2]
    switch fields[0] {
    case "suspended": break
    case "completed": turn.state = .completed(fields[1])
    case "failed": turn.state = .failed(fields[1])
    case "memory": isOutOfMemory = true
    default: throw SessionWireError(text: "a turn has the state \(Excerpt.quote(fields[0]))")
    }
    var rest = fields.dropFirst(3)
    while let entry = rest.popFirst() {
      if entry.utf8.first == UInt8(ascii: "j") {
        var batch = SessionFrame.cut(entry)[...]
        while let entry = batch.popFirst() { try add(entry, &batch) }
      } else {
        try add(entry, &rest)
      }
    }
  }

  /// How many turns a frame `q` stands for, of which no more can have been than the session owes.
  static func quiet(_ fields: [String], most: Int) throws(SessionWireError) -> Int {
    guard fields.count == 1, let count = Int(fields[0]), count > 0, count <= most else {
      throw SessionWireError(
        text: "it tells of \(Excerpt.quote(fields.joined(separator: " "))) turns, and owes \(most)")
    }
    return count
  }

  private mutating func add(_ entry: String, _ rest: inout ArraySlice<String>) throws(SessionWireError) {
    // By bytes: a combining mark at the start of a log would be one character with the tag.
    let text = String(Substring(entry.utf8.dropFirst()))
    switch entry.utf8.first {
    case UInt8(ascii: "o"):
      guard let kind = OperationKind(rawValue: text), let id = rest.popFirst(), let args = rest.popFirst()
      else {
        throw SessionWireError(text: "a turn schedules no known kind: \(Excerpt.quote(text))")
      }
      turn.scheduled.append(ScheduledOperation(kind: kind, id: id, argsText: args))
    case UInt8(ascii: "l"):
      turn.logs.append(text)
    case UInt8(ascii: "c"):
      guard let claim = try? JSONValue(parsing: text) else {
        throw SessionWireError(text: "a claim is not JSON: \(Excerpt.quote(text))")
      }
      turn.claims.append(claim)
    default: throw SessionWireError(text: "a turn has the entry \(Excerpt.quote(entry))")
    }
  }
}
