// The value that a delivery carries, made anew from what is stored whenever it is needed: a live drive and a
// replay are given the same bytes, and a state that no longer gives them is found out.

import GRDB
import QueueRunner

/// Makes deliveries from the state.
enum DeliveryValue {
  static func make(
    _ db: Database, _ delivery: Delivery, _ layout: RunLayout, _ generation: Int
  ) throws -> SessionDelivery {
    guard let operation = try OperationStore.find(db, generation: generation, key: delivery.key) else {
      throw FlowdexError.bug("history", "the history names `\(delivery.key)`, which is not stored")
    }
    if let reason = operation.rejection {
      return SessionDelivery(
        key: delivery.key, outcome: .rejected(message: reason), nowMs: delivery.committedAtMs)
    }
    let value = try text(db, operation, layout, generation, hash: delivery.resultHash)
    return SessionDelivery(
      key: delivery.key, outcome: .resolved(valueText: value), nowMs: delivery.committedAtMs)
  }

  private static func text(
    _ db: Database, _ operation: OperationRecord, _ layout: RunLayout, _ generation: Int, hash: String
  ) throws -> String {
    switch operation.kind {
    case .hostCommand, .integrate:
      guard let digest = operation.valueDigest, let bytes = try ArtifactStore.get(db, digest, layout: layout)
      else { throw lost(operation.key) }
      return String(decoding: bytes, as: UTF8.self)
    case .agent, .fanout:
      let isOne = operation.kind == .agent
      // A hundred thousand results are written into one text as they are read, and never held apart from it.
      var text = isOne ? "" : "["
      var only: String?
      var hashes = Digest.Stream()
      try TaskStore.each(db, generation: generation, groupKey: operation.key) { task in
        let one = try DeliveredResult.stored(db, task, layout: layout)
        let digest = Digest.sha256Hex(one)
        let isFirst = only == nil
        if !isFirst && !isOne { text += "," }
        text += one
        var line = (isFirst ? "" : "\n") + digest
        line.withUTF8 { hashes.update(UnsafeRawBufferPointer($0)) }
        if isFirst { only = digest }
      }
      guard (isOne ? only : hashes.finalHex()) == hash else { throw lost(operation.key) }
      return isOne ? text : text + "]"
    }
  }

  private static func lost(_ key: String) -> FlowdexError {
    .machine("result-lost", "the stored result of `\(key)` is gone or no longer what was committed")
  }
}
