// Fan out and synthesise: one task for each part of the project, all at once; then one task that reads the answers.
//
//   flowdex run examples/patterns/fan-out.ts --input '{"files": ["src/a.txt", "src/b.txt"]}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "fan-out", maxAgents: 101, maxConcurrency: 8,
  permissions: { read: ["src/**"], write: [] },
  phases: [{ id: "count", maxAgents: 100 }, { id: "synthesise", maxAgents: 1 }],
}, async (ctx) => {
  const input = ctx.input as { readonly files: readonly string[] };
  const counts = await ctx.fanout({
    id: "count",
    phase: "count",
    tasks: input.files.map((file, at) => ({
      id: `file-${at}`,
      mode: "read-only",
      role: "counter",
      prompt: `Count the lines and words of ${file}.`,
      data: { file },
      schema: {
        type: "object", required: ["lines", "words"],
        properties: { lines: { type: "integer" }, words: { type: "integer" } },
      },
    })),
  });
  // A part that failed is named in the report and does not stop the others.
  const failed = input.files.filter((_, at) => counts[at].status !== "completed");
  const summary = await ctx.agent({
    id: "synthesise",
    phase: "synthesise",
    mode: "read-only",
    role: "synthesiser",
    prompt: "Add up the counts in the data, and say which file is the longest.",
    data: {
      counts: input.files.flatMap((file, at) => counts[at].status === "completed" ? [{ file, count: counts[at].data }] : []),
    },
    schema: {
      type: "object", required: ["words", "longest"],
      properties: { words: { type: "integer" }, longest: { type: "string" } },
    },
  });
  return ctx.report({ summary: summary.data, failed });
});
