// Three questions about a project's sources, each a task of its own: small enough for any worker to try itself on.
//
//   flowdex run examples/survey.ts --yes --run-id survey
//   flowdex work survey -- examples/workers/count.sh

import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "survey",
  maxAgents: 3,
  maxConcurrency: 3,
  permissions: { read: ["src/**"], write: [], hostCommands: [] },
  phases: [{ id: "ask" }],
}, async (ctx) => {
  const questions = ["How large is it?", "What is long?", "What is missing?"];
  const answers = await ctx.fanout({
    id: "ask",
    phase: "ask",
    tasks: questions.map((prompt, at) => ({ id: "q" + (at + 1), mode: "read-only", prompt })),
  });
  ctx.report({
    answers: answers.map((answer, at) => ({ question: questions[at], status: answer.status, data: answer.data })),
  });
});
