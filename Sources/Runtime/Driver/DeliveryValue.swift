// The value that a delivery carries, made anew from what is stored whenever it is needed: a live drive and a
// replay are given the same bytes, and a state that no longer gives them is found out.

import GRDB
import QueueRunner

/// Makes deliveries from the state.
enum DeliveryValue {
  /// How much of a fan-out's text is held.
  private static let partBytes = 256 << 10

  /// - Parameter part: given, in order, what a long text begins with; the delivery has the rest. That the text is what was
  ///   committed is known only at its end, so what was given is worth nothing where this throws.
  static func make(
    _ db: Database, _ delivery: Delivery, _ layout: RunLayout, _ generation: Int,
    part: (String) throws -> Void
  ) throws -> SessionDelivery {
    guard let operation = try OperationStore.find(db, generation: generation, key: delivery.key) else {
      throw FlowdexError.bug("history", "the history names `\(delivery.key)`, which is not stored")
    }
    if let reason = operation.rejection {
      return SessionDelivery(
        key: delivery.key, outcome: .rejected(message: reason), nowMs: delivery.committedAtMs)
    }
    let value = try text(db, operation, layout, generation, hash: delivery.resultHash, part)
    return SessionDelivery(
      key: delivery.key, outcome: .resolved(valueText: value), nowMs: delivery.committedAtMs)
  }

  private static func text(
    _ db: Database, _ operation: OperationRecord, _ layout: RunLayout, _ generation: Int, hash: String,
    _ part: (String) throws -> Void
  ) throws -> String {
    switch operation.kind {
    case .hostCommand, .integrate:
      guard let digest = operation.valueDigest, let bytes = try ArtifactStore.get(db, digest, layout: layout)
      else { throw lost(operation.key) }
      return String(decoding: bytes, as: UTF8.self)
    case .agent, .fanout:
      let isOne = operation.kind == .agent
      // A hundred thousand results are a text of seventy megabytes: given away as it is written.
      var text = isOne ? "" : "["
      var isFirst = true
      var whole = GroupHash(isOne: isOne)
      try TaskStore.each(db, generation: generation, groupKey: operation.key) { task in
        let one = try DeliveredResult.stored(db, task, layout: layout)
        if !isFirst && !isOne { text += "," }
        text += one
        whole.add(Digest.sha256Hex(one))
        isFirst = false
        if text.utf8.count >= partBytes, !isOne {
          try part(text)
          text.removeAll(keepingCapacity: true)
        }
      }
      guard whole.hex == hash else { throw lost(operation.key) }
      return isOne ? text : text + "]"
    }
  }

  private static func lost(_ key: String) -> FlowdexError {
    .machine("result-lost", "the stored result of `\(key)` is gone or no longer what was committed")
  }
}
