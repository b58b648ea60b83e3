// Loop until dry: ask again, telling what is known, until a round brings nothing new; with a limit, for a worker may
// always think of something.
//
//   flowdex run examples/patterns/loop-until-dry.ts --input '{"file": "src/a.txt"}'

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "loop-until-dry", maxAgents: 10, maxConcurrency: 1,
  permissions: { read: ["src/**"], write: [] },
  phases: [{ id: "look", maxAgents: 10 }],
}, async (ctx) => {
  const input = ctx.input as { readonly file: string };
  const known: string[] = [];
  let isDry = false;
  for (let round = 1; round <= 10 && !isDry; round++) {
    const found = await ctx.agent({
      id: `round-${round}`, phase: "look", mode: "read-only", role: "seeker",
      prompt: `Name words of ${input.file} that are longer than ten letters and not in the data. At most two.`,
      data: { file: input.file, known },
      schema: {
        type: "object", required: ["words"],
        properties: { words: { type: "array", items: { type: "string" } } },
      },
    });
    // A round that failed is not a dry one: the report says that nobody knows whether there is more.
    if (found.status !== "completed") break;
    const fresh = found.data.words.filter((word) => !known.includes(word));
    isDry = fresh.length === 0;
    known.push(...fresh);
    ctx.log(`round ${round}: ${fresh.length} new`);
  }
  return ctx.report({ words: known, isDry });
});
