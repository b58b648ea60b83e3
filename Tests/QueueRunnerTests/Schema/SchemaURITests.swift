import Testing

@testable import QueueRunner

@Suite("URI references of schemas")
struct SchemaURITests {
  @Test(
    "are resolved as RFC 3986 §5.4 shows",
    arguments: [
      ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
      ("/g", "http://a/g"), ("//g", "http://g"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
      ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"), (";x", "http://a/b/c/;x"),
      ("", "http://a/b/c/d;p?q"),
      (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"), ("../g", "http://a/b/g"),
      ("../..", "http://a/"), ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("/./g", "http://a/g"),
      ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), ("..g", "http://a/b/c/..g"),
      ("./../g", "http://a/b/g"),
      ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
      ("g?y/../x", "http://a/b/c/g?y/../x"), ("g#s/../x", "http://a/b/c/g"), ("http:g", "http:g"),
    ])
  func examples(reference: String, target: String) {
    let base = SchemaURI("http://a/b/c/d;p?q")
    #expect(SchemaURI(reference).resolved(against: base).name == target)
  }

  @Test(
    "stand beside other bases",
    arguments: [
      ("a/b", "c", "a/c"), ("", "c", "c"), ("a", "../../c", "c"), ("//h", "c", "//h/c"),
      ("urn:a:b", "#x", "urn:a:b"),
      ("file:///c:/d/e", "f", "file:///c:/d/f"),
    ])
  func bases(base: String, reference: String, target: String) {
    #expect(SchemaURI(reference).resolved(against: SchemaURI(base)).name == target)
  }

  @Test(
    "have fragments without percent-encoding",
    arguments: [
      ("#/a%25b%2F", "/a%b/"), ("#%C3%A9", "é"), ("#", ""), ("a", ""), ("#%", nil), ("#%4", nil),
      ("#%G0", nil),
      ("#%FF", nil),
    ] as [(String, String?)])
  func fragments(text: String, fragment: String?) {
    #expect(SchemaURI(text).decodedFragment == fragment)
  }
}
