// Retry with feedback: the workflow holds each answer to a rule that no schema can say, and asks again with what was
// wrong. (What a schema can say, flowdex refuses by itself, and the worker tries again within its lease.)
//
//   flowdex run examples/patterns/retry-with-feedback.ts --input '{"file": "src/a.txt", "limit": 20}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "retry-with-feedback", maxAgents: 3, maxConcurrency: 1,
  permissions: { read: ["src/**"], write: [] },
  phases: [{ id: "title", maxAgents: 3 }],
}, async (ctx) => {
  const input = ctx.input as { readonly file: string; readonly limit: number };
  const attempts: { readonly title: string; readonly problem: string | null }[] = [];
  // An operation's id stands for its arguments, so each attempt has one of its own.
  for (let attempt = 1; attempt <= 3; attempt++) {
    const feedback = attempts.at(-1)?.problem ?? null;
    const answer = await ctx.agent({
      id: `attempt-${attempt}`, phase: "title", mode: "read-only", role: "titler",
      prompt: `Write a title for ${input.file}.` + (feedback === null ? "" : ` Your last one was refused: ${feedback}`),
      data: { file: input.file, limit: feedback === null ? null : input.limit },
      schema: { type: "object", required: ["title"], properties: { title: { type: "string", minLength: 1 } } },
    });
    if (answer.status !== "completed") continue;
    const { title } = answer.data;
    const problem = title.length > input.limit
      ? `it has ${title.length} letters, and at most ${input.limit} are wanted`
      : null;
    attempts.push({ title, problem });
    if (problem === null) return ctx.report({ title, attempts });
  }
  return ctx.report({ title: null, attempts });
});
