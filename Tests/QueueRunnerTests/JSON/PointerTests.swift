import QueueRunner
import Testing

@Suite("JSON pointers (RFC 6901)")
struct PointerTests {
  private static let document = try! JSONValue(
    parsing: #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"m~n":8,"~1":9,"/\u0338":10,"-":{"01":3}}"#)

  @Test(
    "resolve",
    arguments: [
      ("/foo/0", "\"bar\""), ("/foo/1", "\"baz\""), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"),
      ("/m~0n", "8"), ("/~01", "9"), ("/~1\u{338}", "10"), ("/-/01", "3"),
    ])
  func resolves(pointer: String, text: String) {
    #expect(JSONPointer.resolve(pointer, in: Self.document)?.canonicalText == text)
  }

  @Test(
    "what names nothing",
    arguments: ["foo", "/foo/2", "/foo/01", "/foo/-", "/foo/0/x", "/m~n", "/m~2n", "/x"])
  func missing(pointer: String) {
    #expect(JSONPointer.resolve(pointer, in: Self.document) == nil)
  }

  @Test("the empty pointer names the whole document")
  func whole() { #expect(JSONPointer.resolve("", in: Self.document) == Self.document) }

  @Test("escape and unescape are inverse", arguments: ["", "~", "/", "~1", "~01/~", "a/b~c", "é/\u{338}"])
  func inverse(key: String) {
    #expect(JSONPointer.unescape(JSONPointer.escape(key)).map { Array($0.utf8) } == Array(key.utf8))
    #expect(JSONPointer.tokens("/" + JSONPointer.escape(key))?.count == 1)
  }

  @Test("a malformed escape is no token", arguments: ["~", "~2", "a~", "~~0"])
  func malformed(token: String) { #expect(JSONPointer.unescape(token) == nil) }
}
