import QueueRunner
import Testing

@testable import Runtime

@Suite("paths in a report")
struct ReportPathTests {
  static let report = try! JSONValue(
    parsing: #"""
      {"a":{"b":[10,{"c":true}]},"src/x.swift":{"n":1},"q\"u":2,"":{"":3},"é":4,"0":5,"sp ace":6,"t\tb":7,
       "back\\slash":8,"list":[],"none":null,"a.b":9}
      """#)

  @Test(
    "name one value",
    arguments: [
      ("a.b.0", "10"), ("a.b.1.c", "true"), ("a.b", "[10,{\"c\":true}]"), (#""src/x.swift".n"#, "1"),
      (#""q\"u""#, "2"), ("\"\".\"\"", "3"), (#""""#, "{\"\":3}"), ("é", "4"), (#""\u00e9""#, "4"),
      ("0", "5"),
      ("sp ace", "6"), (#""t\tb""#, "7"), ("back\\slash", "8"), (#""back\\slash""#, "8"), ("list", "[]"),
      ("none", "null"), (#""a.b""#, "9"), (#""a"."b"."0""#, "10"),
    ])
  func resolves(path: String, text: String) throws {
    #expect(try ReportPath(path).resolve(in: Self.report).canonicalText == text)
  }

  @Test("the empty path is the whole report")
  func whole() throws { #expect(try ReportPath("").resolve(in: Self.report) == Self.report) }

  @Test(
    "one that is no path is bad usage",
    arguments: [
      (".", "byte 0"), ("a.", "byte 2"), ("a..b", "byte 2"), (".a", "byte 0"),
      (#""a"#, "closing double quote"),
      (#""a\""#, "closing double quote"), (#""a\"#, "closing double quote"), (#""a"b"#, "byte 3"),
      (#"a"b"#, "byte 1"), (#""\q""#, "JSON string"), (#""\ud800""#, "JSON string"), (#"""" "#, "byte 2"),
    ])
  func malformed(path: String, word: String) throws {
    let error = try #require(throws: FlowdexError.self) { try ReportPath(path) }
    #expect(error.kind == .usage && error.message.contains(word), "\(error.message)")
  }

  @Test(
    "one that leads nowhere says which step and what was there",
    arguments: [
      ("b", "step 1, `b`"), ("a.c", "step 2, `c`, leads nowhere: `a` is an object"),
      ("liist", "did you mean `list`?"), ("a.b.2", "`a.b` is an array of 2"), ("a.b.x", "index from 0"),
      ("a.b.01", "index from 0"), ("a.b.-1", "index from 0"), ("a.b.99999999999999999999", "index from 0"),
      ("a.b.0.x", "step 4, `x`, leads nowhere: `a.b.0` is the number"), ("none.x", "is the null"),
      (#""src/x.swif".n"#, #"did you mean `"src/x.swift"`?"#), ("list.0", "an array of 0"),
    ])
  func missing(path: String, word: String) throws {
    let error = try #require(throws: FlowdexError.self) { try ReportPath(path).resolve(in: Self.report) }
    #expect(error.kind == .failed && error.message.contains(word), "\(error.message)")
  }

  @Test("all paths are listed in the report's order, and each leads to its value")
  func all() throws {
    let paths = ReportPath.all(in: Self.report)
    #expect(
      paths == [
        "a", "a.b", "a.b.0", "a.b.1", "a.b.1.c", #""src/x.swift""#, #""src/x.swift".n"#, #""q\"u""#, #""""#,
        "\"\".\"\"", "é", "0", "sp ace", #""t\tb""#, "back\\slash", "list", "none", #""a.b""#,
      ])
    for path in paths { _ = try ReportPath(path).resolve(in: Self.report) }
    #expect(ReportPath.all(in: 1) == [])
    let list: JSONValue = ["x", ["y": 1]]
    #expect(ReportPath.all(in: list) == ["0", "1", "1.y"])
  }
}
