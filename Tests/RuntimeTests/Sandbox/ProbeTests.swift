// The probes against the real Deno: each must fail closed, and in the way that it should.

import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite(.timeLimit(.minutes(15))) struct Probes {
    private func check(_ probe: Probe) throws {
      let outcome = try #require(try Probe.outcomes.get()[probe.body])
      #expect(outcome.hasPrefix(probe.expected))
    }

    @Test(arguments: Probe.valueProbes) func values(probe: Probe) throws { try check(probe) }
    @Test(arguments: Probe.objectProbes) func objects(probe: Probe) throws { try check(probe) }
    @Test(arguments: Probe.nameProbes) func names(probe: Probe) throws { try check(probe) }

    @Test(arguments: RunProbe.endedEarly + RunProbe.texts) func sources(probe: RunProbe) throws {
      try probe.check(Limits.limits { $0.tickCpuMs = 4000 })
    }

    @Test(arguments: RunProbe.registrations + RunProbe.returns) func ends(probe: RunProbe) throws {
      try probe.check(.init())
    }

    @Test(arguments: RunProbe.endless) func ticks(probe: RunProbe) throws {
      try probe.check(Limits.limits { $0.tickCpuMs = 150 })
    }

    @Test(arguments: RunProbe.greedy) func memory(probe: RunProbe) throws {
      try probe.check(
        Limits.limits {
          $0.memoryMiB = 24
          $0.tickCpuMs = 60_000
        })
    }

    @Test(arguments: RunProbe.tooMuch) func engine(probe: RunProbe) throws { try probe.check(.init()) }

    /// What a session can only die of is refused before there is one.
    @Test(arguments: [
      String(repeating: "[", count: 20000) + String(repeating: "]", count: 20000),
      String(repeating: "(", count: 20000) + "1" + String(repeating: ")", count: 20000),
      String(repeating: "!", count: 20000) + "1",
    ])
    func theScannerRefusesWhatTheParserWouldDieOf(expression: String) throws {
      let source = """
        \(WorkflowTexts.importLine)
        export default workflow(\(WorkflowTexts.manifest), async (ctx) => { return \(expression); });
        """
      let error = try #require(throws: FlowdexError.self) {
        _ = try WorkflowDocument.read(text: Array(source.utf8), file: "workflow.ts")
      }
      #expect(error.message.contains("nested too deep"))
    }
  }
}
