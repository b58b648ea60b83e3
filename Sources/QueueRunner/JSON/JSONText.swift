// JSON values as text: canonical for hashing (RFC 8785), compact for lines, pretty for people.

extension JSONValue {
  /// The canonical text (RFC 8785): keys in the order of their UTF-16 code units, no white space, numbers as
  /// ECMAScript writes them. Equal values have equal texts.
  public var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

  /// The UTF-8 bytes of `canonicalText`: what is hashed.
  public var canonicalBytes: [UInt8] { JSONWriter.write(self, .canonical) }

  /// One line without white space, members in their own order.
  public var compactText: String { String(decoding: JSONWriter.write(self, .compact), as: UTF8.self) }

  /// Indented by two spaces, members in their own order, empty containers closed at once, no last line feed.
  public var prettyText: String { String(decoding: JSONWriter.write(self, .pretty), as: UTF8.self) }
}

/// Writes one value; strings and numbers look the same in every style.
struct JSONWriter {
  enum Style { case canonical, compact, pretty }

  private let style: Style
  private var out: [UInt8] = []
  private var indent = 0

  static func write(_ value: JSONValue, _ style: Style) -> [UInt8] {
    var writer = JSONWriter(style: style)
    writer.out.reserveCapacity(256)
    writer.append(value)
    return writer.out
  }

  private init(style: Style) { self.style = style }

  private mutating func append(_ value: JSONValue) {
    switch value {
    case .null: append(literal: "null")
    case .bool(let flag): append(literal: flag ? "true" : "false")
    case .number(let number): ECMAScriptNumber.append(number, to: &out)
    case .string(let text): append(quoted: text)
    case .array(let items): append(items)
    case .object(let object): append(object)
    }
  }

  private mutating func append(_ items: [JSONValue]) {
    out.append(Byte.openBracket)
    indent += 1
    for (at, item) in items.enumerated() {
      if at > 0 { out.append(Byte.comma) }
      breakLine()
      append(item)
    }
    indent -= 1
    if !items.isEmpty { breakLine() }
    out.append(Byte.closeBracket)
  }

  private mutating func append(_ object: JSONObject) {
    out.append(Byte.openBrace)
    indent += 1
    let members =
      style == .canonical
      ? object.members.sorted { UTF16Order.precedes($0.key, $1.key) } : object.members
    for (at, member) in members.enumerated() {
      if at > 0 { out.append(Byte.comma) }
      breakLine()
      append(quoted: member.key)
      out.append(Byte.colon)
      if style == .pretty { out.append(Byte.space) }
      append(member.value)
    }
    indent -= 1
    if !members.isEmpty { breakLine() }
    out.append(Byte.closeBrace)
  }

  private mutating func breakLine() {
    guard style == .pretty else { return }
    out.append(Byte.lineFeed)
    out.append(contentsOf: repeatElement(Byte.space, count: indent * 2))
  }

  private mutating func append(literal text: StaticString) {
    out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(quoted text: String) {
    out.append(Byte.quote)
    var text = text
    text.withUTF8 { bytes in
      var copied = 0
      for at in 0..<bytes.count where needsEscape(bytes[at]) {
        out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[copied..<at]))
        appendEscape(bytes[at])
        copied = at + 1
      }
      out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[copied...]))
    }
    out.append(Byte.quote)
  }

  @inline(__always)
  private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == Byte.quote || byte == Byte.backslash
  }

  private mutating func appendEscape(_ byte: UInt8) {
    out.append(Byte.backslash)
    switch byte {
    case Byte.quote, Byte.backslash: out.append(byte)
    case 8: out.append(UInt8(ascii: "b"))
    case Byte.tab: out.append(UInt8(ascii: "t"))
    case Byte.lineFeed: out.append(UInt8(ascii: "n"))
    case 12: out.append(UInt8(ascii: "f"))
    case Byte.carriageReturn: out.append(UInt8(ascii: "r"))
    default: out += Array("u".utf8) + Array(Excerpt.hex(UInt32(byte), width: 4).utf8)
    }
  }
}

/// The order of RFC 8785 §3.2.3, found from UTF-8 without converting.
enum UTF16Order {
  /// UTF-8 order is code-point order; UTF-16 differs in one thing: surrogate pairs (lead byte F0 and up) come
  /// before U+E000…U+FFFF (lead bytes EE and EF).
  static func precedes(_ a: String, _ b: String) -> Bool {
    var left = a.utf8.makeIterator()
    var right = b.utf8.makeIterator()
    while true {
      guard let y = right.next() else { return false }
      guard let x = left.next() else { return true }
      if x == y { continue }
      if x >= 0xEE, y >= 0xEE, (x >= 0xF0) != (y >= 0xF0) { return x >= 0xF0 }
      return x < y
    }
  }
}
