// Audits a source tree with many workers at once. The tree is cut into shards; each worker looks at the files of
// one, and the report brings their findings together. The first findings become claims with the hash of the very
// lines they are about, so flowdex itself checks that those lines are there.
//
//   flowdex run examples/code-audit.ts --yes --input '{"shards": 8, "root": "Sources"}'
//   flowdex watch RUN --dispatch &
//   examples/workers/audit.py .flowdex/runs/RUN & examples/workers/audit.sh .flowdex/runs/RUN
//
// Input, all of it optional:
//   shards     how many tasks the work is cut into, 1 to 64 (8)
//   root       look only at files below this folder (the whole project)
//   claims     how many findings become claims, 0 to 200 (25)

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "code-audit",
  maxAgents: 64,
  maxConcurrency: 16,
  permissions: {
    read: ["**/*.{swift,c,h}"],
    write: [],
    network: "none",
  },
  phases: [{ id: "audit", maxAgents: 64 }],
}, async (ctx) => {
  type Input = { readonly shards?: number; readonly root?: string; readonly claims?: number };
  type Finding = {
    readonly rule: string;
    readonly file: string;
    readonly line: number;
    readonly endLine: number;
    readonly text: string;
    readonly contentHash: string;
  };
  type Shard = {
    readonly files: number;
    readonly lines: number;
    readonly counts: { readonly [rule: string]: number };
    readonly findings: readonly Finding[];
  };

  // Worst first: this is also the order of the report, and what workers leave out first when they find too much.
  const rules: { readonly id: string; readonly confidence: "high" | "medium" | "low"; readonly about: string }[] = [
    { id: "unsafe-c", confidence: "high", about: "a C call that cannot be used safely: strcpy, sprintf, gets, system, …" },
    { id: "forced-try", confidence: "high", about: "try! turns an error into a trap" },
    { id: "forced-cast", confidence: "high", about: "as! turns a wrong type into a trap" },
    { id: "unchecked", confidence: "medium", about: "a check of the compiler is switched off" },
    { id: "trap", confidence: "medium", about: "fatalError or preconditionFailure" },
    { id: "long-function", confidence: "high", about: "a function that is too long" },
    { id: "long-file", confidence: "high", about: "a file that is too long" },
    { id: "no-test", confidence: "low", about: "no file under Tests mentions this source file's name" },
    { id: "marker", confidence: "high", about: "TODO, FIXME, XXX or HACK in a comment" },
    { id: "long-line", confidence: "high", about: "a line that is too long" },
  ];
  const counts = { type: "integer", minimum: 0 };
  const schema = {
    type: "object",
    required: ["files", "lines", "counts", "findings"],
    additionalProperties: false,
    properties: {
      files: counts,
      lines: counts,
      counts: { type: "object", propertyNames: { enum: rules.map((rule) => rule.id) }, additionalProperties: counts },
      findings: {
        type: "array",
        maxItems: 200,
        items: {
          type: "object",
          required: ["rule", "file", "line", "endLine", "text", "contentHash"],
          additionalProperties: false,
          properties: {
            rule: { enum: rules.map((rule) => rule.id) },
            file: { type: "string", minLength: 1 },
            line: { type: "integer", minimum: 1 },
            endLine: { type: "integer", minimum: 1 },
            text: { type: "string", minLength: 1 },
            contentHash: { type: "string", pattern: "^[0-9a-f]{64}$" },
          },
        },
      },
    },
  };

  const whole = (value: unknown, name: string, least: number, most: number, usual: number): number => {
    if (value === undefined) return usual;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new Error(`input.${name} is ${JSON.stringify(value)}: expected a whole number from ${least} to ${most}`);
  };
  const input = ctx.input as Input;
  const shards = whole(input.shards, "shards", 1, 64, 8);
  const maxClaims = whole(input.claims, "claims", 0, 200, 25);
  const root = (input.root ?? "").replace(/\/+$/, "");

  const results = await ctx.fanout<Shard>({
    id: "shards",
    phase: "audit",
    tasks: Array.from({ length: shards }, (_, shard) => ({
      id: `shard-${shard + 1}`,
      mode: "read-only" as const,
      role: "auditor",
      prompt:
        "Audit the files of one shard, by the rules in the data. List the .swift, .c and .h files below `root` " +
        "(everything, where it is empty), sorted by the bytes of their paths and numbered from 0; the shard is " +
        "every file whose number modulo `of` is `shard`. Report in `data` the number of files and lines looked " +
        "at, in `counts` how often each rule was broken (rules that never were may be left out), and in " +
        "`findings` at most `maxFindings` of the places, those of the first rules first. `contentHash` is the " +
        "SHA-256 of the bytes of lines `line` to `endLine`, line feeds included: " +
        "`sed -n 'LINE,ENDLINEp' FILE | sha256sum`. `file` is the path below the folder that you read.",
      data: {
        shard, of: shards, root, maxFindings: 200,
        maxFunctionLines: 70, maxFileLines: 350, maxLineBytes: 120,
        rules: rules.map((rule) => ({ id: rule.id, about: rule.about })),
      },
      schema,
      leaseMinutes: 15,
    })),
  });

  const failed: { readonly task: string; readonly status: string; readonly error: string | null }[] = [];
  const byRule: { [rule: string]: number } = {};
  let files = 0;
  let lines = 0;
  const findings: Finding[] = [];
  for (const result of results) {
    if (result.status !== "completed") {
      failed.push({ task: result.flowdex.childKey, status: result.status, error: result.error });
      continue;
    }
    files += result.data.files;
    lines += result.data.lines;
    findings.push(...result.data.findings);
    for (const rule of rules) {
      const count = result.data.counts[rule.id] ?? 0;
      if (count > 0) byRule[rule.id] = (byRule[rule.id] ?? 0) + count;
    }
  }

  const rank = new Map(rules.map((rule, at) => [rule.id, at]));
  findings.sort((a, b) =>
    (rank.get(a.rule) ?? 0) - (rank.get(b.rule) ?? 0) ||
    (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line)
  );

  // Some of every rule, worst rule first, so that one rule with many findings does not crowd out the rest.
  const share = Math.max(1, Math.ceil(maxClaims / Math.max(1, Object.keys(byRule).length)));
  const used: { [rule: string]: number } = {};
  const claimed = findings.filter((finding) => {
    used[finding.rule] = (used[finding.rule] ?? 0) + 1;
    return used[finding.rule] <= share;
  }).slice(0, maxClaims);
  const claimIds = claimed.map((finding, at) => {
    const id = `finding-${at + 1}`;
    ctx.claim({
      id,
      text: `${finding.rule} at ${finding.file}:${finding.line}: ${finding.text}`,
      kind: "finding",
      confidence: rules[rank.get(finding.rule) ?? 0].confidence,
      evidence: [{
        type: "fileRange",
        path: finding.file,
        startLine: finding.line,
        endLine: finding.endLine,
        contentHash: finding.contentHash,
      }],
    });
    return id;
  });

  const total = Object.values(byRule).reduce((sum, count) => sum + count, 0);
  return ctx.report({
    summary: `${files} files and ${lines} lines in ${shards} shards: ${total} findings, ` +
      `${claimIds.length} of them cited with evidence, ${failed.length} shards failed`,
    files, lines, byRule, failed, findings, claimIds,
  });
});
