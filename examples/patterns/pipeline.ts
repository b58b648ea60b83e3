// A pipeline without a barrier: each file goes from `find` to `explain` as soon as it is there, and waits for no other.
//
//   flowdex run examples/patterns/pipeline.ts --input '{"files": ["src/a.txt", "src/b.txt"]}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "pipeline", maxAgents: 200, maxConcurrency: 8,
  permissions: { read: ["src/**"], write: [] },
  phases: [{ id: "find", maxAgents: 100 }, { id: "explain", maxAgents: 100 }],
}, async (ctx) => {
  const input = ctx.input as { readonly files: readonly string[] };
  const one = async (file: string, at: number) => {
    const found = await ctx.agent({
      id: `find-${at}`, phase: "find", mode: "read-only", role: "finder",
      prompt: `Find the lines of ${file} that are marked TODO.`,
      data: { file },
      schema: {
        type: "object", required: ["findings"],
        properties: {
          findings: {
            type: "array",
            items: {
              type: "object", required: ["line", "text"],
              properties: { line: { type: "integer" }, text: { type: "string" } },
            },
          },
        },
      },
    });
    if (found.status !== "completed" || found.data.findings.length === 0) return { file, notes: [] };
    const explained = await ctx.agent({
      id: `explain-${at}`, phase: "explain", mode: "read-only", role: "explainer",
      prompt: `Say in one sentence what each finding in the data asks for.`,
      data: { file, findings: found.data.findings },
      schema: {
        type: "object", required: ["notes"],
        properties: { notes: { type: "array", items: { type: "string" } } },
      },
    });
    return { file, notes: explained.status === "completed" ? explained.data.notes : [] };
  };
  // Operations that are scheduled together run together; every chain goes on by itself.
  return ctx.report({ files: await Promise.all(input.files.map(one)) });
});
