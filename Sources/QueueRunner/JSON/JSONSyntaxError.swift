/// Why a text is not the JSON that flowdex accepts, and where.
public struct JSONSyntaxError: Error, Sendable, Equatable {
  /// The byte, counted from 0, at which the offending piece begins; the text's length at its end.
  public let offset: Int
  /// The value that was being read, as a JSON pointer (RFC 6901); empty for the whole text.
  ///
  /// For display: a key over 32 bytes is cut and unprintable characters are escaped.
  public let pointer: String
  /// What the grammar or a limit asks for at this place.
  public let expected: String
  /// What stands there: at most 32 bytes of the input, escaped.
  public let found: String

  /// An error at a place; the texts are lower case and carry their own backticks.
  public init(offset: Int, pointer: String, expected: String, found: String) {
    self.offset = offset
    self.pointer = pointer
    self.expected = expected
    self.found = found
  }
}

extension JSONSyntaxError: CustomStringConvertible {
  /// One line, such as: byte 12 at `/data/a`: expected `,` or `}`, found `]`.
  public var description: String {
    let place = pointer.isEmpty ? "" : " at `\(pointer)`"
    return "byte \(offset)\(place): expected \(expected), found \(found)"
  }
}
