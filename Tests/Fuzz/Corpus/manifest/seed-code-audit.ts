{
  name: "code-audit",
  maxAgents: 64,
  maxConcurrency: 16,
  permissions: {
    read: ["**/*.{swift,c,h}"],
    write: [],
    network: "none",
  },
  phases: [{ id: "audit", maxAgents: 64 }],
}