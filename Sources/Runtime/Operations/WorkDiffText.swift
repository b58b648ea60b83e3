// Writes changes in git's format. Every section has git's header with full ids, so `git apply` takes binary ones;
// what is not UTF-8, or holds a NUL, is binary, so the whole text is UTF-8 and fits a JSON string.

import QueueRunner

/// The text of one change.
enum WorkDiffText {
  static func append(_ change: WorkChange, to out: inout [UInt8]) {
    let old = side("a/", change.path)
    let new = side("b/", change.path)
    let before = change.before?.bytes ?? []
    let after = change.after?.bytes ?? []
    line("diff --git \(old) \(new)", to: &out)
    mode(change, to: &out)
    if before == after, change.before != nil, change.after != nil { return }
    let oldId = change.before.map { BlobId.of($0.bytes) } ?? BlobId.none
    let newId = change.after.map { BlobId.of($0.bytes) } ?? BlobId.none
    let isKept = change.before?.isExecutable == change.after?.isExecutable
    let kept = isKept ? " " + modeText(change.after) : ""
    line("index \(oldId)..\(newId)\(kept)", to: &out)
    if before == after { return }
    guard isText(before), isText(after) else {
      line("GIT binary patch", to: &out)
      line("literal \(after.count)", to: &out)
      Base85.encode(ZlibStored.pack(after), into: &out)
      line("", to: &out)
      return
    }
    line("--- \(change.before == nil ? "/dev/null" : ended(old))", to: &out)
    line("+++ \(change.after == nil ? "/dev/null" : ended(new))", to: &out)
    WorkHunks(before, after).append(to: &out)
  }

  private static func mode(_ change: WorkChange, to out: inout [UInt8]) {
    guard let before = change.before else { return line("new file mode \(modeText(change.after))", to: &out) }
    guard let after = change.after else { return line("deleted file mode \(modeText(before))", to: &out) }
    if before.isExecutable == after.isExecutable { return }
    line("old mode \(modeText(before))", to: &out)
    line("new mode \(modeText(after))", to: &out)
  }

  private static func modeText(_ file: WorkFile?) -> String {
    file?.isExecutable == true ? "100755" : "100644"
  }

  static func isText(_ bytes: [UInt8]) -> Bool {
    !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
  }

  /// A name as git writes it; names that reach this hold no control characters.
  private static func side(_ prefix: String, _ path: PatchPath) -> String {
    let name = prefix + path.text
    guard path.bytes.contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
      return name
    }
    var quoted: [UInt8] = []
    for byte in name.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
      quoted.append(byte)
    }
    return "\"\(String(decoding: quoted, as: UTF8.self))\""
  }

  /// A name with a space is ended by a tab, lest the rest be taken for a time.
  private static func ended(_ name: String) -> String {
    name.utf8.first != UInt8(ascii: "\"") && name.utf8.contains(UInt8(ascii: " ")) ? name + "\t" : name
  }

  private static func line(_ text: String, to out: inout [UInt8]) {
    out += text.utf8
    out.append(UInt8(ascii: "\n"))
  }
}
