{
  name: "hello",
  maxAgents: 1,
  maxConcurrency: 1,
  permissions: {
    read: ["README.md"],
    write: [],
    hostCommands: [{ id: "system", argv: ["uname", "-s"], timeoutMs: 10000, idempotent: true }],
  },
  phases: [{ id: "greet" }],
}