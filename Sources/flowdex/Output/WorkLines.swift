// What `work` prints: a line for each happening, in words or as JSON.

import QueueRunner
import Runtime

/// Tab-separated: time, what, which, where the task stands, more.
struct WorkLines: WorkObserver {
  let isJSON: Bool

  func tell(_ news: WorkNews) {
    if isJSON { return Console.json(compact: Self.json(news)) }
    let cells = [news.kind.rawValue, news.childKey, news.taskState?.rawValue ?? "-", Self.text(news)]
    let time = Timestamp.text(news.atMs)
    if Console.isTerminal {
      Console.table([[String(time.dropFirst(11).prefix(8))] + Self.padded(cells)])
    } else {
      Console.table([[time] + cells])
    }
  }

  func note(_ text: String) { Console.note(text) }

  /// Lines that come one by one know no widths, but those of the words that flowdex says.
  static func padded(_ cells: [String]) -> [String] {
    zip(cells, [8, 24, 9, 0]).map { cell, width in
      cell + String(repeating: " ", count: max(0, width - TextWidth.columns(cell)))
    }
  }

  private static func text(_ news: WorkNews) -> String {
    news.kind == .started && news.run > 1 ? "run \(news.run)" : news.text
  }

  static func json(_ news: WorkNews) -> JSONValue {
    [
      "event": .string(news.kind.rawValue), "childKey": .string(news.childKey),
      "leaseToken": .string(news.token), "run": JSONValue(news.run),
      "taskStatus": JSONValue(news.taskState?.rawValue), "text": .string(news.text),
      "at": .string(Timestamp.text(news.atMs)),
    ]
  }
}
