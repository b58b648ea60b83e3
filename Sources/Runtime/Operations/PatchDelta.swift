// Git's delta: two sizes, then instructions that copy a piece of the old content or add bytes of their own.

/// Following a delta.
enum PatchDelta {
  private static let damaged = PatchProblem("the delta of a binary patch is damaged or for another content")

  /// The new content.
  static func apply(_ delta: [UInt8], to old: [UInt8], limitBytes: Int) throws(PatchProblem) -> [UInt8] {
    var at = 0
    guard let oldSize = size(delta, &at), let newSize = size(delta, &at), oldSize == old.count,
      newSize <= limitBytes
    else { throw damaged }
    var new: [UInt8] = []
    new.reserveCapacity(newSize)
    while at < delta.count {
      let code = delta[at]
      at += 1
      if code & 0x80 == 0 {
        let end = at + Int(code)
        guard code > 0, end <= delta.count, new.count + Int(code) <= newSize else { throw damaged }
        new += delta[at..<end]
        at = end
        continue
      }
      // Seven bits say which bytes of offset (four) and count (three) follow; those that do not are zero.
      var fields = 0
      for bit in 0..<7 where code & (1 << UInt8(bit)) != 0 {
        guard at < delta.count else { throw damaged }
        fields |= Int(delta[at]) << (bit * 8)
        at += 1
      }
      let offset = fields & 0xFFFF_FFFF
      let count = fields >> 32 == 0 ? 0x10000 : fields >> 32
      guard offset + count <= old.count, new.count + count <= newSize else { throw damaged }
      new += old[offset..<offset + count]
    }
    guard new.count == newSize else { throw damaged }
    return new
  }

  private static func size(_ delta: [UInt8], _ at: inout Int) -> Int? {
    var value = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard at < delta.count else { return nil }
      let byte = delta[at]
      at += 1
      value |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
