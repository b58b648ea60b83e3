import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "history", maxAgents: 20, maxConcurrency: 10,
  permissions: { read: ["src/**"], write: [], hostCommands: [
    { id: "echo", argv: ["echo", "hello"] }, { id: "fail", argv: ["sh", "-c", "echo no >&2; exit 3"] },
  ] },
  phases: [{ id: "one" }, { id: "two" }],
}, async (ctx) => {
  const at = ctx.now();
  const schema = { type: "object", required: ["n"], properties: { n: { type: "integer" } } };
  const found = ctx.fanout({ id: "find", phase: "one", tasks: ctx.input.ids.map((id) =>
    ({ id, mode: "read-only", prompt: "count " + id, data: { id }, schema })) });
  const [said, failed] = await Promise.all(["echo", "fail"].map((id) =>
    ctx.hostCommand({ id, phase: "one", commandId: id })));
  let refused;
  try {
    await ctx.agent({ id: "lost", phase: "nowhere", mode: "read-only", prompt: "x" });
  } catch (error) {
    refused = error.message;
  }
  const results = await found;
  const numbers = results.map((result) => result.status === "completed" ? result.data.n : null);
  ctx.log("found " + numbers.join());
  const first = await Promise.race(["a", "b"].map((id) =>
    ctx.agent({ id, phase: "two", mode: "read-only", prompt: "sum " + numbers.join() })));
  if (first.status === "failed") throw new Error("nobody could add: " + first.error);
  ctx.claim({ id: "said", text: "it said hello", kind: "verification", confidence: "high", evidence: [
    { type: "command", artifactId: said.data.stdoutArtifactId, command: ["echo", "hello"], exitCode: 0 },
    { type: "agentResult", childKey: first.flowdex.childKey, artifactId: first.flowdex.resultArtifactId },
  ] });
  ctx.report({ numbers, first: first.flowdex.childKey, exit: failed.data.exitCode, refused,
    later: ctx.now() > at, claimIds: ["said"] });
});
