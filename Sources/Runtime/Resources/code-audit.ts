// Audits a project: one agent cuts it into areas, one agent for each area looks for defects, and one more for each
// finding tries to refute it. What survives is reported; where two agents found the same hash for the same lines,
// the finding is cited with that hash as evidence, which flowdex checks itself.
//
//   flowdex run THIS_FILE --input '{"focus": "error handling"}'
//   flowdex watch RUN --dispatch
//
// Fit to your project: `permissions.read`, and the numbers in `maxAgents`.

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "code-audit",
  maxAgents: 61,
  maxConcurrency: 8,
  permissions: {
    read: ["**"],
    write: [],
    network: "none",
  },
  phases: [
    { id: "scope", maxAgents: 1 },
    { id: "audit", maxAgents: 12 },
    { id: "refute", maxAgents: 48 },
  ],
}, async (ctx) => {
  type Area = { readonly id: string; readonly paths: readonly string[]; readonly why: string };
  type Finding = {
    readonly title: string;
    readonly detail: string;
    readonly severity: "critical" | "high" | "medium" | "low";
    readonly path: string;
    readonly startLine: number;
    readonly endLine: number;
    readonly contentHash: string;
  };
  type Verdict = {
    readonly refuted: boolean;
    readonly reason: string;
    readonly fileLines: number;
    readonly contentHash: string;
  };

  const input = ctx.input as { readonly focus?: string };
  const focus = input.focus ?? "correctness, error handling, security, and races";
  const severities = ["critical", "high", "medium", "low"] as const;
  const hash = { type: "string", pattern: "^[0-9a-f]{64}$" };
  // Relative to the project, as evidence names files: neither `/…` nor `./…` nor `../…`.
  const path = { type: "string", pattern: "^([^./]|\\.[^./])" };
  const howToHash =
    "A content hash is the lowercase SHA-256 of the exact bytes of the lines, line feeds included: " +
    "`sed -n 'START,ENDp' FILE | sha256sum`. Run that command; never guess a hash.";

  const scope = await ctx.agent<{ readonly areas: readonly Area[] }>({
    id: "scope",
    phase: "scope",
    mode: "read-only",
    role: "architect",
    prompt:
      "Look at the project's tree and cut it into 3 to 12 areas that one careful reader each can audit: by what " +
      "the code is for, not by size alone. Leave out generated and vendored code.",
    schema: {
      type: "object",
      required: ["areas"],
      properties: {
        areas: {
          type: "array",
          minItems: 1,
          maxItems: 12,
          items: {
            type: "object",
            required: ["id", "paths", "why"],
            properties: {
              id: { type: "string", pattern: "^[A-Za-z0-9_.-]{1,60}$" },
              paths: { type: "array", minItems: 1, items: { type: "string" } },
              why: { type: "string" },
            },
          },
        },
      },
    },
  });
  if (scope.status !== "completed") throw new Error(`no areas to audit: ${scope.error ?? scope.summary}`);

  const audits = await ctx.fanout<{ readonly findings: readonly Finding[] }>({
    id: "audit",
    phase: "audit",
    // Two areas may have been given one name; a task's id may not occur twice.
    tasks: scope.data.areas.map((area, at) => ({
      id: `${at + 1}-${area.id}`,
      mode: "read-only" as const,
      role: "auditor",
      prompt:
        `Audit the area in the data for ${focus}. Read the code that calls it too. Report only defects that you ` +
        "can point at: what goes wrong, with which input or order of events, and in which lines. Report nothing " +
        "about style. No finding is a good answer. Give paths relative to the project's folder, without `./`. " +
        howToHash,
      data: area,
      schema: {
        type: "object",
        required: ["findings"],
        properties: {
          findings: {
            type: "array",
            maxItems: 20,
            items: {
              type: "object",
              required: ["title", "detail", "severity", "path", "startLine", "endLine", "contentHash"],
              properties: {
                title: { type: "string", minLength: 1 },
                detail: { type: "string", minLength: 1 },
                severity: { enum: severities },
                path,
                startLine: { type: "integer", minimum: 1 },
                endLine: { type: "integer", minimum: 1 },
                contentHash: hash,
              },
            },
          },
        },
      },
    })),
  });

  const found = audits.flatMap((audit) => audit.status === "completed" ? audit.data.findings : []);
  const ranked = [...found].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
  const tried = ranked.slice(0, 48);
  const verdicts = tried.length === 0 ? [] : await ctx.fanout<Verdict>({
    id: "refute",
    phase: "refute",
    tasks: tried.map((finding, at) => ({
      id: `finding-${at + 1}`,
      mode: "read-only" as const,
      role: "sceptic",
      prompt:
        "Somebody claims the defect in the data. Try to refute it: read the lines, their callers and their tests, " +
        "and look for the reason why it cannot happen. `refuted` is true if you found one, or if the lines do not " +
        "say what is claimed or are not there. `fileLines` is how many lines the file has (`grep -c '' FILE`). " +
        `Work out \`contentHash\` of those lines yourself. ${howToHash}`,
      data: {
        title: finding.title, detail: finding.detail, path: finding.path,
        startLine: finding.startLine, endLine: finding.endLine,
      },
      schema: {
        type: "object",
        required: ["refuted", "reason", "fileLines", "contentHash"],
        properties: {
          refuted: { type: "boolean" },
          reason: { type: "string", minLength: 1 },
          fileLines: { type: "integer", minimum: 0 },
          contentHash: hash,
        },
      },
    })),
  });

  const claimIds: string[] = [];
  const survived: unknown[] = [];
  const refuted: unknown[] = [];
  const undecided: unknown[] = [];
  tried.forEach((finding, at) => {
    const verdict = verdicts[at];
    if (verdict.status !== "completed") {
      undecided.push({ finding, why: verdict.error ?? verdict.summary });
      return;
    }
    if (verdict.data.refuted) {
      refuted.push({ finding, reason: verdict.data.reason });
      return;
    }
    survived.push({ finding, reason: verdict.data.reason });
    // An unverified claim would fail the whole run, so only lines that are there, and on which two agents agree,
    // are cited.
    const isThere = finding.startLine <= finding.endLine && finding.endLine <= verdict.data.fileLines;
    if (!isThere || verdict.data.contentHash !== finding.contentHash) return;
    const id = `finding-${at + 1}`;
    ctx.claim({
      id,
      text: `${finding.severity}: ${finding.title}`,
      kind: "finding",
      confidence: "medium",
      evidence: [
        {
          type: "fileRange",
          path: finding.path,
          startLine: finding.startLine,
          endLine: finding.endLine,
          contentHash: finding.contentHash,
        },
        {
          type: "agentResult",
          childKey: verdict.flowdex.childKey,
          artifactId: verdict.flowdex.resultArtifactId,
        },
      ],
    });
    claimIds.push(id);
  });

  return ctx.report({
    summary: `${found.length} findings in ${scope.data.areas.length} areas: ${survived.length} survived, ` +
      `${refuted.length} refuted, ${undecided.length} undecided, ` +
      `${ranked.length - tried.length} not looked at again`,
    survived, refuted, undecided,
    notLookedAt: ranked.slice(tried.length),
    failedAreas: audits.filter((audit) => audit.status !== "completed")
      .map((audit) => ({ task: audit.flowdex.childKey, error: audit.error })),
    claimIds,
  });
});
