// Integrate and test: workers change private copies, flowdex makes the diffs and applies them, and the project's own
// check says what came of it, as evidence in the report.
//
//   flowdex run examples/patterns/integrate-and-test.ts --input '{"files": ["src/a.txt", "src/b.txt"]}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "integrate-and-test", maxAgents: 100, maxConcurrency: 8,
  permissions: {
    read: ["src/**"],
    write: ["src/**"],
    // The check of this example: no line says `teh`. In earnest it is your project's tests.
    hostCommands: [{ id: "check", argv: ["sh", "-c", "! grep -rnw teh src"], idempotent: true }],
  },
  phases: [{ id: "mend", maxAgents: 100 }, { id: "integrate" }, { id: "check" }],
}, async (ctx) => {
  const input = ctx.input as { readonly files: readonly string[] };
  const mended = await ctx.fanout({
    id: "mend",
    phase: "mend",
    tasks: input.files.map((file, at) => ({
      id: `file-${at}`, mode: "write", role: "mender",
      prompt: `Mend the spelling of "teh" in ${file}, in \`work\`.`,
      data: { file },
    })),
  });
  const patches = mended.flatMap((result) =>
    result.status === "completed" && result.diff ? [{ patch: result.diff, from: result.flowdex }] : []
  );
  // All or none: one patch that does not fit leaves the project as it was.
  const done = patches.length === 0 ? null : await ctx.integrate({
    id: "all", phase: "integrate", patches: patches.map(({ patch }) => ({ patch })),
  });
  const check = await ctx.hostCommand({ id: "check", phase: "check", commandId: "check" });
  if (check.status !== "needs-approval" && check.data.exitCode !== null) {
    ctx.claim({
      id: "checked", text: "after the patches, the project's check came to this", kind: "verification",
      confidence: "high",
      evidence: [{
        type: "command", artifactId: check.data.stdoutArtifactId, command: [...check.data.command],
        exitCode: check.data.exitCode,
      }],
    });
  }
  return ctx.report({
    changed: done?.status === "completed" ? done.paths : [],
    problem: done?.status === "failed" ? done.error : null,
    check: check.status,
    claimIds: check.status === "needs-approval" ? [] : ["checked"],
  });
});
