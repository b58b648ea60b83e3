// Implements several independent tasks at once: each worker changes a private copy of the project, a reviewer
// reads the diff that flowdex itself made of it, and what the reviewers accept is integrated, one patch after the
// other. Then the project's tests run, and their outcome is the evidence.
//
//   flowdex run THIS_FILE --input '{"tasks": [{"id": "retry", "goal": "retry a failed upload twice"}]}'
//   flowdex watch RUN --dispatch
//
// Fit to your project: `permissions` (what may be read, what may be changed, how the tests are run).

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "implementation-fanout",
  maxAgents: 40,
  maxConcurrency: 6,
  permissions: {
    read: ["**"],
    write: ["src/**", "tests/**"],
    hostCommands: [{ id: "test", argv: ["make", "test"], timeoutMs: 1800000, idempotent: true }],
    network: "none",
  },
  phases: [
    { id: "implement", maxAgents: 20 },
    { id: "review", maxAgents: 20 },
    { id: "integrate" },
    { id: "verify" },
  ],
}, async (ctx) => {
  type Goal = { readonly id: string; readonly goal: string };
  type Review = { readonly accept: boolean; readonly reasons: readonly string[] };

  const input = ctx.input as { readonly tasks?: readonly Goal[] };
  const goals = input.tasks ?? [];
  if (goals.length === 0) {
    throw new Error('nothing to implement: give --input \'{"tasks": [{"id": "…", "goal": "…"}]}\'');
  }

  const built = await ctx.fanout<{ readonly notes: string }>({
    id: "implement",
    phase: "implement",
    tasks: goals.map((goal) => ({
      id: goal.id,
      mode: "write" as const,
      role: "implementer",
      prompt:
        `Implement this in \`work\`, and nothing else: ${goal.goal}\n` +
        "Add or change tests so that they would fail without your change. Follow the style of the code around it. " +
        "Others work on other tasks at the same time: touch only what yours needs.",
      schema: { type: "object", required: ["notes"], properties: { notes: { type: "string" } } },
      leaseMinutes: 60,
    })),
  });

  const changed = goals.flatMap((goal, at) => {
    const result = built[at];
    return result.status === "completed" && result.diff ? [{ goal, result, diff: result.diff }] : [];
  });
  const reviews = changed.length === 0 ? [] : await ctx.fanout<Review>({
    id: "review",
    phase: "review",
    tasks: changed.map(({ goal, diff }) => ({
      id: goal.id,
      mode: "read-only" as const,
      role: "reviewer",
      prompt:
        "Review the diff in the data against its goal. Accept it only if it reaches the goal, breaks nothing that " +
        "you can see in the project, is tested, and changes nothing that the goal does not need. Give your reasons.",
      data: { goal: goal.goal, diff },
      schema: {
        type: "object",
        required: ["accept", "reasons"],
        properties: { accept: { type: "boolean" }, reasons: { type: "array", minItems: 1, items: { type: "string" } } },
      },
    })),
  });

  // One after the other: a patch that no longer applies is left out, without holding up the rest.
  const outcomes: unknown[] = [];
  const claimIds: string[] = [];
  for (const [at, { goal, result, diff }] of changed.entries()) {
    const review = reviews[at];
    if (review.status !== "completed" || !review.data.accept) {
      const why = review.status === "completed" ? review.data.reasons : [review.error ?? review.summary];
      outcomes.push({ id: goal.id, outcome: "not accepted", why });
      continue;
    }
    const integrated = await ctx.integrate({ id: goal.id, phase: "integrate", patches: [{ patch: diff }] });
    if (integrated.status === "failed") {
      outcomes.push({ id: goal.id, outcome: "did not apply", why: [integrated.error] });
      continue;
    }
    outcomes.push({ id: goal.id, outcome: "integrated", paths: integrated.paths });
    ctx.claim({
      id: `change-${goal.id}`,
      text: `${goal.goal}: implemented by one agent and accepted by another`,
      kind: "change",
      confidence: "medium",
      evidence: [result, review].map((said) => ({
        type: "agentResult" as const,
        childKey: said.flowdex.childKey,
        artifactId: said.flowdex.resultArtifactId,
      })),
    });
    claimIds.push(`change-${goal.id}`);
  }
  goals.forEach((goal, at) => {
    if (changed.some((change) => change.goal === goal)) return;
    const result = built[at];
    outcomes.push({ id: goal.id, outcome: "no change", why: [result.error ?? result.summary] });
  });

  const tests = await ctx.hostCommand({ id: "test", phase: "verify", commandId: "test" });
  if (tests.status !== "needs-approval" && tests.data.exitCode !== null) {
    ctx.claim({
      id: "tests",
      text: tests.data.exitCode === 0 ? "the project's tests pass" : `the project's tests fail (${tests.data.exitCode})`,
      kind: tests.data.exitCode === 0 ? "verification" : "blocker",
      confidence: "high",
      evidence: [{
        type: "test",
        artifactId: tests.data.stdoutArtifactId,
        command: tests.data.command,
        exitCode: tests.data.exitCode,
      }],
    });
    claimIds.push("tests");
  }

  return ctx.report({
    summary: `${goals.length} tasks, ${claimIds.filter((id) => id !== "tests").length} integrated; tests: ${tests.status}`,
    outcomes,
    tests: { status: tests.status, exitCode: tests.data.exitCode, timedOut: tests.data.timedOut },
    claimIds,
  });
});
