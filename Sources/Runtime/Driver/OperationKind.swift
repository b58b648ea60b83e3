/// The kinds of durable operations (contract §4).
public enum OperationKind: String, Sendable, CaseIterable {
  case hostCommand, agent, fanout, integrate
}
