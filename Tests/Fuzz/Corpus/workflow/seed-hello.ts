// The smallest workflow that does something real: it runs one allowed command and reports a claim about it that
// flowdex verifies. It needs no worker, so `run` takes it to its end.
//
//   flowdex run examples/hello.ts --yes
//   flowdex run examples/hello.ts --yes --input '{"name": "Ada"}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "hello",
  maxAgents: 1,
  maxConcurrency: 1,
  permissions: {
    read: ["README.md"],
    write: [],
    hostCommands: [{ id: "system", argv: ["uname", "-s"], timeoutMs: 10000, idempotent: true }],
  },
  phases: [{ id: "greet" }],
}, async (ctx) => {
  const input = ctx.input as { readonly name?: string };
  const system = await ctx.hostCommand({ id: "system", phase: "greet", commandId: "system" });
  if (system.status !== "completed" || system.data.exitCode === null) {
    throw new Error(`uname did not succeed: it is ${system.status}`);
  }

  ctx.claim({
    id: "system-is-known",
    text: "uname ran on this machine and said what system it is",
    kind: "verification",
    confidence: "high",
    evidence: [{
      type: "command",
      artifactId: system.data.stdoutArtifactId,
      command: system.data.command,
      exitCode: system.data.exitCode,
    }],
  });

  return ctx.report({
    greeting: `hello, ${input.name ?? "world"}`,
    command: system.data.command,
    // The command's output is kept by content: artifacts/sha256/<this id> in the run's directory.
    stdoutArtifactId: system.data.stdoutArtifactId,
    claimIds: ["system-is-known"],
  });
});
