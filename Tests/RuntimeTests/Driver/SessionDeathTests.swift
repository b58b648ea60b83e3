// What a driver makes of a session that dies, with sessions that run no Deno.

import QueueRunner
import Testing

@testable import Runtime

/// A session whose turns are written down beforehand.
private final class MortalSession: WorkflowSession {
  private var turns: [Result<Turn, SessionFailure>]
  init(_ turns: [Result<Turn, SessionFailure>]) { self.turns = turns }
  func start(_ start: SessionStart) throws {}
  func deliver(part: String) throws {}
  func deliver(_ delivery: SessionDelivery) throws {}
  func receive(wakeups: [Int32]) throws -> Turn? { try turns.removeFirst().get() }
  func close() {}
}

@Suite struct SessionDeathTests {
  private static let died = SessionFailure.died("it was ended by signal 9")

  /// The drive's result, what it threw, and how many sessions were made.
  private func drive(_ sessions: [Result<Turn, SessionFailure>]) throws -> (
    DriveResult?, FlowdexError?, Int, RunStatus
  ) {
    try PermanentThread.run {
      try TestDeno.withFolder { folder in
        let project = try Project.findOrCreate(from: folder)
        let source = Array(
          "\(WorkflowTexts.importLine)\nexport default workflow(\(WorkflowTexts.manifest), async () => 1);"
            .utf8)
        let document = try WorkflowDocument.read(text: source, file: "workflow.ts")
        let run = try project.create(
          .init(document: document, source: source, input: Array("{}".utf8), id: "r1"))
        let made = Guarded(0)
        let environment = DriverEnvironment(
          makeSession: { _, _ in
            let index = made.withLock { count in
              defer { count += 1 }
              return count
            }
            return MortalSession([sessions[index]])
          }, interrupts: [], cores: 1)
        let drive = Result { try run.drive(environment) }
        let status = try run.record().status
        let count = made.withLock { $0 }
        switch drive {
        case .success(let result): return (result, nil, count, status)
        case .failure(let error): return (nil, error as? FlowdexError, count, status)
        }
      }
    }
  }

  @Test func twoDeathsAreTriedAgain() throws {
    let done = Turn(state: .completed("7"))
    let (result, _, made, status) = try drive([.failure(Self.died), .failure(Self.died), .success(done)])
    #expect(result?.reportText == "7" && made == 3 && status == .completed)
  }

  @Test func theThirdEndsTheDriveAndNotTheRun() throws {
    let (_, error, made, status) = try drive([.failure(Self.died), .failure(Self.died), .failure(Self.died)])
    #expect(error?.code == "session-died" && made == 3)
    #expect(status == .running)
  }

  @Test func aLimitIsNotTriedAgain() throws {
    let passed = SessionFailure.limit(name: "memoryMiB", value: 2048, message: "its heap is full")
    let (result, _, made, status) = try drive([.failure(passed)])
    #expect(made == 1 && status == .failed)
    #expect(
      result?.error
        == "the callback passed `limits.memoryMiB` (2048): its heap is full; it is the most that a manifest may "
        + "grant, so the callback has to do with less")
  }

  @Test func theMostIsWhatTheManifestTakes() {
    let most = Manifest.Limits.most
    #expect(
      most == ["tickCpuMs": 60_000, "memoryMiB": 2048, "outputBytes": 1 << 30, "operations": 1_000_000])
    for (name, value) in most {
      #expect(manifestTakes(name, value) && !manifestTakes(name, value + 1), "\(name)")
    }
  }

  private func manifestTakes(_ name: String, _ value: Int) -> Bool {
    let manifest = WorkflowTexts.manifest.dropLast() + ", limits: { \(name): \(value) } }"
    let source = "\(WorkflowTexts.importLine)\nexport default workflow(\(manifest), async () => 1);"
    return (try? WorkflowDocument.read(text: Array(source.utf8), file: "w.ts")) != nil
  }
}
