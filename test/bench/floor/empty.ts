// The fastest program that Bun can compile: what dist/agent-event-bus is measured against.
export {};
