{
  name: "implementation-fanout",
  maxAgents: 40,
  maxConcurrency: 6,
  permissions: {
    read: ["**"],
    write: ["src/**", "tests/**"],
    hostCommands: [{ id: "test", argv: ["make", "test"], timeoutMs: 1800000, idempotent: true }],
    network: "none",
  },
  phases: [
    { id: "implement", maxAgents: 20 },
    { id: "review", maxAgents: 20 },
    { id: "integrate" },
    { id: "verify" },
  ],
}