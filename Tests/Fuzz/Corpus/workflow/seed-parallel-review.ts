// Reviews a change, or a project as it stands, through several lenses at once; then one agent brings the reviews
// together: it merges what is the same, orders what is left, and says what to do first.
//
//   flowdex run THIS_FILE --input '{"subject": "the queue in Sources/Queue"}'
//   flowdex watch RUN --dispatch
//
// Fit to your project: `permissions.read`, and the lenses below.

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "parallel-review",
  maxAgents: 8,
  maxConcurrency: 8,
  permissions: {
    read: ["**"],
    write: [],
    network: "none",
  },
  phases: [{ id: "review", maxAgents: 7 }, { id: "synthesis", maxAgents: 1 }],
}, async (ctx) => {
  type Remark = {
    readonly title: string;
    readonly detail: string;
    readonly path: string;
    readonly line: number;
    readonly severity: "must" | "should" | "could";
  };
  type Merged = {
    readonly verdict: "good" | "needs-work" | "unsound";
    readonly first: string;
    readonly remarks: readonly (Remark & { readonly lenses: readonly string[] })[];
  };

  const input = ctx.input as { readonly subject?: string };
  const subject = input.subject ?? "the whole project";
  const lenses = [
    { id: "correctness", ask: "Does it do what it says? Look for wrong results, edge cases, and broken promises." },
    { id: "failure", ask: "What happens when something fails half-way, comes late, comes twice, or never comes?" },
    { id: "security", ask: "What can a hostile input, file or peer do? Follow every value that comes from outside." },
    { id: "simplicity", ask: "What could be left out or said more simply, without losing anything that matters?" },
    { id: "tests", ask: "Which behaviour would change without a test noticing? Which tests cannot fail?" },
  ];
  const severity = { enum: ["must", "should", "could"] };
  const text = { type: "string", minLength: 1 };
  const remark = {
    title: text, detail: text, path: text, line: { type: "integer", minimum: 1 }, severity,
  };

  const reviews = await ctx.fanout<{ readonly remarks: readonly Remark[] }>({
    id: "reviews",
    phase: "review",
    tasks: lenses.map((lens) => ({
      id: lens.id,
      mode: "read-only" as const,
      role: `reviewer for ${lens.id}`,
      prompt:
        `Review ${subject}, through one lens only: ${lens.ask} Point every remark at a file and a line, and say ` +
        "what to do about it. Others look through the other lenses: leave their remarks to them.",
      schema: {
        type: "object",
        required: ["remarks"],
        properties: {
          remarks: {
            type: "array",
            maxItems: 30,
            items: { type: "object", required: Object.keys(remark), properties: remark },
          },
        },
      },
    })),
  });

  const usable = lenses.flatMap((lens, at) =>
    reviews[at].status === "completed" ? [{ lens: lens.id, remarks: reviews[at].data.remarks }] : []
  );
  if (usable.length === 0) throw new Error("every reviewer failed: there is nothing to bring together");

  const synthesis = await ctx.agent<Merged>({
    id: "synthesis",
    phase: "synthesis",
    mode: "read-only",
    role: "editor",
    prompt:
      "The data holds reviews of one subject through several lenses. Bring them together: merge remarks that are " +
      "about the same thing and name all of their lenses, drop those that the code shows to be wrong, and order " +
      "what is left by how much it matters. `first` says in one sentence what to do first.",
    data: { subject, reviews: usable },
    schema: {
      type: "object",
      required: ["verdict", "first", "remarks"],
      properties: {
        verdict: { enum: ["good", "needs-work", "unsound"] },
        first: text,
        remarks: {
          type: "array",
          items: {
            type: "object",
            required: [...Object.keys(remark), "lenses"],
            properties: { ...remark, lenses: { type: "array", minItems: 1, items: { enum: lenses.map((lens) => lens.id) } } },
          },
        },
      },
    },
  });

  // What agents say cannot be verified from here, only who said it: these claims stand as `attested`.
  const claimIds: string[] = [];
  if (synthesis.status === "completed") {
    ctx.claim({
      id: "verdict",
      text: `${subject}: ${synthesis.data.verdict}; first: ${synthesis.data.first}`,
      kind: "finding",
      confidence: "medium",
      evidence: [...reviews.filter((review) => review.status === "completed"), synthesis].map((result) => ({
        type: "agentResult" as const,
        childKey: result.flowdex.childKey,
        artifactId: result.flowdex.resultArtifactId,
      })),
    });
    claimIds.push("verdict");
  }

  return ctx.report({
    subject,
    // Where the last step failed, the reviews themselves are still worth reading.
    synthesis: synthesis.status === "completed" ? synthesis.data : null,
    error: synthesis.status === "completed" ? null : synthesis.error ?? synthesis.summary,
    reviews: usable,
    missing: lenses.filter((_, at) => reviews[at].status !== "completed").map((lens) => lens.id),
    claimIds,
  });
});
