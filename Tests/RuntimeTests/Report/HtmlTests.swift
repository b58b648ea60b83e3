import QueueRunner
import Testing

@testable import Runtime

@Suite("the page's own writers")
struct HtmlTests {
  @Test(
    "text is text, in an element and in an attribute",
    arguments: [
      ("a < b & \"c\" 'd'", "a &lt; b &amp; &quot;c&quot; &#39;d&#39;"),
      // A library that escapes whole characters passes this one: an accent follows the quotation mark.
      ("\"\u{301} onload=x", "&quot;\u{301} onload=x"), ("<\u{301}", "&lt;\u{301}"),
      ("\u{202E}gnp\u{2066}", "\\u202egnp\\u2066"), ("\u{0}\u{1B}[2J\r", "\\u0000\\u001b[2J\\u000d"),
      ("\u{2028}\u{E000}\u{F0000}", "\\u2028\\ue000\\udb80\\udc00"),
      ("e\u{301} हिन्दी 👩\u{200D}💻 עברית\n\tx", "e\u{301} हिन्दी 👩\u{200D}💻 עברית\n\tx"),
    ])
  func escapes(text: String, expected: String) {
    var html = Html()
    html.element("p", ["title": text], text: text)
    let found = String(decoding: html.bytes, as: UTF8.self)
    #expect(found.utf8.elementsEqual("<p title=\"\(expected)\">\(expected)</p>".utf8), "\(found)")
  }

  @Test(
    "in Markdown no sign means anything",
    arguments: [
      (
        "![a](http://x) <b> `c` *d* _e_ #f |",
        "\\!\\[a\\]\\(http://x\\) &lt;b&gt; \\`c\\` \\*d\\* \\_e\\_ \\#f \\|"
      ),
      ("one\ntwo\u{202E}", "one two\\\\u202e"), ("a & b \\ c", "a &amp; b \\\\ c"),
    ])
  func markdown(text: String, expected: String) { #expect(Markdown.escaped(text) == expected) }

  @Test(
    "a fence is longer than any in the text",
    arguments: [("x", "```"), ("```", "````"), ("a ````` b", "``````")])
  func fence(text: String, fence: String) {
    var page = Markdown()
    page.fence(text, "json")
    #expect(page.text == "\(fence)json\n\(text)\n\(fence)\n")
  }

  @Test("JSON becomes tables, lists and terms, and is text where it is deep")
  func json() {
    func html(_ value: JSONValue) -> String {
      var html = Html()
      JSONHtml.write(value, &html)
      return String(decoding: html.bytes, as: UTF8.self)
    }
    let table = html([["a": 1, "b": "<"], ["b": ">", "a": nil]])
    #expect(table.contains("<th>a</th><th>b</th>") && table.contains("<td><code>1</code></td>"), "\(table)")
    #expect(html([["a": 1], ["b": 2]]).hasPrefix("<ul><li><dl>"))
    #expect(html(["k": []]).contains("none"))
    #expect(html(["claimIds": ["c1"]]).contains("<a href=\"#claim-c1\">c1</a>"))
    var deep: JSONValue = "end"
    for _ in 0..<5000 { deep = [deep] }
    #expect(html(deep).contains("<pre>"))
  }

  @Test(
    "times of the state read back",
    arguments: [0, 951_868_799_999, 1_795_567_047_468, 253_402_300_799_999] as [Int64])
  func timestamps(ms: Int64) {
    #expect(Timestamp.ms(Timestamp.text(ms)) == ms)
    for text in ["", "2026-13-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-11-25 01:05:26.463Z"] {
      #expect(Timestamp.ms(text) == nil, "\(text)")
    }
  }
}
