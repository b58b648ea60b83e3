{
  name: "parallel-review",
  maxAgents: 8,
  maxConcurrency: 8,
  permissions: {
    read: ["**"],
    write: [],
    network: "none",
  },
  phases: [{ id: "review", maxAgents: 7 }, { id: "synthesis", maxAgents: 1 }],
}