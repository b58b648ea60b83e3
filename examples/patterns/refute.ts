// Refute each finding: whoever finds something is not the one who believes it. A finding stands if no refuter could
// show it to be wrong, and its line is evidence that flowdex checks itself.
//
//   flowdex run examples/patterns/refute.ts --input '{"files": ["src/a.txt"], "refuters": 2}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "refute", maxAgents: 1000, maxConcurrency: 8,
  permissions: { read: ["src/**"], write: [] },
  phases: [{ id: "find", maxAgents: 100 }, { id: "refute" }],
}, async (ctx) => {
  const input = ctx.input as { readonly files: readonly string[]; readonly refuters?: number };
  // `as const` keeps a schema literal, and so the results typed, where tasks are made in a `map`.
  const findingsSchema = {
    type: "object", required: ["findings"],
    properties: {
      findings: {
        type: "array",
        items: {
          type: "object", required: ["line", "text", "sha256"],
          properties: { line: { type: "integer" }, text: { type: "string" }, sha256: { type: "string" } },
        },
      },
    },
  } as const;
  const verdictSchema = {
    type: "object", required: ["refuted", "reason"],
    properties: { refuted: { type: "boolean" }, reason: { type: "string" } },
  } as const;
  const found = await ctx.fanout({
    id: "find",
    phase: "find",
    tasks: input.files.map((file, at) => ({
      id: `file-${at}`, mode: "read-only", role: "finder",
      prompt: `Find the lines of ${file} that are marked TODO.`,
      data: { file },
      schema: findingsSchema,
    })),
  });
  const findings = found.flatMap((result, at) =>
    result.status === "completed" ? result.data.findings.map((finding) => ({ file: input.files[at], ...finding })) : []
  );
  const claimIds: string[] = [];
  const refuted: { readonly finding: string; readonly reason: string }[] = [];
  if (findings.length > 0) {
    const refuters = Array.from({ length: input.refuters ?? 1 }, (_, at) => at);
    const verdicts = await ctx.fanout({
      id: "refute",
      phase: "refute",
      tasks: findings.flatMap((finding, at) =>
        refuters.map((refuter) => ({
          id: `finding-${at}-${refuter}`, mode: "read-only", role: "refuter",
          prompt: "Try to show that the finding in the data is wrong. If you cannot, say so.",
          data: finding,
          schema: verdictSchema,
        }))
      ),
    });
    findings.forEach((finding, at) => {
      const own = verdicts.slice(at * refuters.length, (at + 1) * refuters.length);
      const against = own.find((verdict) => verdict.status === "completed" && verdict.data.refuted);
      if (against?.status === "completed") {
        refuted.push({ finding: finding.text, reason: against.data.reason });
        return;
      }
      ctx.claim({
        id: `finding-${at}`, text: finding.text, kind: "finding", confidence: "high",
        evidence: [{
          type: "fileRange", path: finding.file, startLine: finding.line, endLine: finding.line,
          contentHash: finding.sha256,
        }],
      });
      claimIds.push(`finding-${at}`);
    });
  }
  return ctx.report({ refuted, claimIds });
});
