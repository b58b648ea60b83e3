// The hash of a range of lines: the bytes from the first of `startLine` through the line feed of `endLine`, or
// the end of the file. A carriage return is a byte of its line. In a shell:
//
//     printf 'alpha\nbeta\ngamma\n' > greek.txt
//     sed -n '2,3p' greek.txt | sha256sum
//     aa5989aacb57830a365b63654addd2b3e7427ce3e8869f52e261ac98cc318734

import QueueRunner

/// Lines of a file, counted from 1; a line ends with its line feed, the last one perhaps without.
enum FileLines {
  /// Why there are no such lines.
  struct Problem: Error, Equatable {
    let text: String
  }

  /// The hash of a range, or that the file is too short for it.
  static func hash(_ bytes: [UInt8], _ range: Evidence.FileRange) -> Result<String, Problem> {
    lines(bytes, range).map { Digest.sha256Hex(Array($0)) }
  }

  /// The bytes of a range, or that the file is too short for it.
  static func lines(_ bytes: [UInt8], _ range: Evidence.FileRange) -> Result<ArraySlice<UInt8>, Problem> {
    var line = 1
    var start: Int?
    var at = 0
    while at < bytes.count {
      if line == range.startLine, start == nil { start = at }
      let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.count
      if line == range.endLine, let start { return .success(bytes[start..<end]) }
      at = end
      line += 1
    }
    return .failure(
      Problem(
        text: "\(EvidenceText.quote(range.path)) has \(line - 1) lines, and \(range.startLine) to "
          + "\(range.endLine) were named"))
  }
}
