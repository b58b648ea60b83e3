// What the harness cuts out of whole frames, and writes as whole frames, is what was said.

import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Wire {
    /// Around the lengths at which a length's bytes change their look, and around what is written in one piece.
    static let lengths = Array(0...3) + Array(120...140) + Array(250...260) + [4095, 65_535, 65_536, 70_000]

    @Test(
      "texts of any length come through, both ways",
      arguments: [
        "a", "\u{7F}", "\u{1}", "\u{1F}", "\u{80}", "é", "€", "\u{FEFF}", "\u{FFFD}", "😀", "aé", "é\u{0}",
      ])
    func texts(unit: String) throws {
      let play = Play(
        """
          let last = "";
          for (let i = 0; i < \(Self.lengths.count); i++) {
            try {
              await ctx.agent({ id: last.slice(0, 300) + i, last });
            } catch (e: any) {
              last = e.message;
              ctx.log(last);
            }
          }
          return last;
        """)
      let texts = Self.lengths.map { String(repeating: unit, count: $0) }
      // The message of a rejection goes as it is, a value as JSON.
      var before = ""
      var deliveries: [SessionDelivery] = []
      for (number, text) in texts.enumerated() {
        // JavaScript slices by UTF-16 units; no unit here is longer than two.
        let id = String(decoding: Array(before.utf16.prefix(300)), as: UTF16.self) + "\(number)"
        deliveries.append(.rejected("agent:\(id)", text))
        before = text
      }
      let turns = try play.turns(deliveries, ahead: true)
      try #require(turns.count == texts.count + 1)
      for (number, text) in texts.enumerated() {
        #expect(turns[number + 1].logs == [text])
        let asked = try JSONValue(parsing: turns[number].scheduled[0].argsText)
        #expect(asked["last"]?.string == (number == 0 ? "" : texts[number - 1]))
        #expect(asked["id"]?.string == turns[number].scheduled[0].id)
      }
      #expect(turns.last?.state == .completed(JSONValue.string(texts.last ?? "").canonicalText))
    }

    @Test("the id of an operation is the one in its arguments, though a proxy says another each time")
    func proxies() throws {
      let play = Play(
        """
          let asked = 0;
          const id = () => ({ value: "n" + asked++, writable: true, enumerable: true, configurable: true });
          const args = new Proxy({ id: "n" } as any, { getOwnPropertyDescriptor: id, get: () => "n" + asked++ });
          for (let i = 0; i < 3; i++) ctx.agent(args);
          ctx.agent({ nested: { id: "inner" }, list: [{ id: "other" }], id: "outer" } as any);
          try { ctx.agent([{ id: "a" }] as any); } catch (e: any) { ctx.log(e.message); }
          try { ctx.agent({ nested: { id: "inner" } } as any); } catch (e: any) { ctx.log(e.message); }
        """)
      let turn = try play.turns()[0]
      #expect(turn.scheduled.count == 4 && turn.scheduled.last?.id == "outer")
      for operation in turn.scheduled {
        #expect(try JSONValue(parsing: operation.argsText)["id"]?.string == operation.id)
      }
      #expect(turn.logs == Array(repeating: "ctx.agent: `id` is missing or not a string", count: 2))
    }
  }
}
