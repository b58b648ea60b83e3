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
      let tasks = try TaskStore.group(db, generation: generation, groupKey: operation.key)
      let texts = try tasks.map { try DeliveredResult.stored(db, $0, layout: layout) }
      let hashes = texts.map(Digest.sha256Hex)
      let isOne = operation.kind == .agent
      let found = isOne ? hashes.first : Digest.sha256Hex(hashes.joined(separator: "\n"))
      guard found == hash else { throw lost(operation.key) }
      return isOne ? texts[0] : "[" + texts.joined(separator: ",") + "]"
    }
  }

  private static func lost(_ key: String) -> FlowdexError {
    .machine("result-lost", "the stored result of `\(key)` is gone or no longer what was committed")
  }
}
