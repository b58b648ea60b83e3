// Any JSON as something to read: objects as lists of terms, arrays of like objects as tables, texts as they are.

import QueueRunner

enum JSONHtml {
  /// Deeper values are shown as JSON text: nobody reads a list within a list within a list.
  static let limitDepth = 6

  static func write(_ value: JSONValue, _ html: inout Html, depth: Int = 0) {
    switch value {
    case .null, .bool, .number: html.element("code", text: value.compactText)
    case .string(let text): html.element("span", ["class": "text"], text: text)
    case .array(let items): write(items, &html, depth)
    case .object(let object): write(object, &html, depth)
    }
  }

  private static func write(_ items: [JSONValue], _ html: inout Html, _ depth: Int) {
    if items.isEmpty { return html.element("span", ["class": "soft"], text: "none") }
    if depth >= limitDepth { return html.element("pre", text: JSONValue.array(items).compactText) }
    if let columns = columns(items) { return table(items, columns, &html, depth) }
    html.element("ul") { html in
      for item in items { html.element("li") { write(item, &$0, depth: depth + 1) } }
    }
  }

  private static func write(_ object: JSONObject, _ html: inout Html, _ depth: Int) {
    if object.isEmpty { return html.element("span", ["class": "soft"], text: "empty") }
    if depth >= limitDepth { return html.element("pre", text: JSONValue.object(object).compactText) }
    html.element("dl") { html in
      for (key, value) in object.members {
        html.element("dt", text: key)
        html.element("dd") { html in
          if key == "claimIds", depth == 0 {
            links(value, &html)
          } else {
            write(value, &html, depth: depth + 1)
          }
        }
      }
    }
  }

  private static func links(_ value: JSONValue, _ html: inout Html) {
    for id in (value.array ?? []).compactMap(\.string) {
      html.element("a", ["href": "#claim-\(id)"], text: id)
      html.text(" ")
    }
  }

  /// The keys of objects that all have the same few plain members.
  private static func columns(_ items: [JSONValue]) -> [String]? {
    guard items.count > 1, let first = items.first?.object?.keys, (1...7).contains(first.count) else {
      return nil
    }
    let areAlike = items.allSatisfy { item in
      guard let object = item.object, object.count == first.count else { return false }
      return first.allSatisfy { key in object[key].map { $0.array == nil && $0.object == nil } ?? false }
    }
    return areAlike ? first : nil
  }

  private static func table(_ items: [JSONValue], _ columns: [String], _ html: inout Html, _ depth: Int) {
    html.element("div", ["class": "wide"]) { html in
      html.element("table") { html in
        html.element("tr") { html in for key in columns { html.element("th", text: key) } }
        for item in items {
          html.element("tr") { html in
            for key in columns { html.element("td") { write(item[key] ?? nil, &$0, depth: depth + 1) } }
          }
        }
      }
    }
  }
}
