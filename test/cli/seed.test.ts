import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startHere } from "../support/bus.ts";
import { bash, startBusWithDesktop } from "../support/cli.ts";

// Word for word as the project's description shows them.
const SHELL = `# Register (returns session_id)
SESSION_ID=$(agent-event-bus-cli register --name "my-feature" --client-id "$$" --json | jq -r .session_id)
# Publish and notify
agent-event-bus-cli publish --type "done" --payload "Finished" --channel "repo:my-project"
agent-event-bus-cli notify --title "Build" --message "Complete" --sound
# Poll for events (incremental)
agent-event-bus-cli events --session-id "$SESSION_ID" --resume --order asc
# Cleanup
agent-event-bus-cli unregister --session-id "$SESSION_ID"`;

const WEBHOOKS = `# Register
agent-event-bus-cli webhook register --url https://your-server.com/events
agent-event-bus-cli webhook register --url https://... --channel "session:" --secret "my-secret"
# List
agent-event-bus-cli webhook list
# Remove
agent-event-bus-cli webhook unregister 1`;

const STRICT = "set -euo pipefail\n";
const noShell = process.platform === "win32";
// The lines need jq; this does the one thing they ask of it, where there is none.
const JQ = Bun.which("jq") ? "" : `jq() { sed -n 's/.*"session_id":"\\([^"]*\\)".*/\\1/p'; }\n`;

for (const kind of ["source", "binary"] as const)
  test.skipIf(noShell)(`the shell lines of the description work unchanged (${kind})`, async () => {
    const bus = await startBusWithDesktop(kind);
    // In the folder of the project that the lines are for, whose channel is then known.
    const script = `${STRICT}${JQ}mkdir my-project\ncd my-project\n${SHELL}\necho "pid=$$ session=$SESSION_ID"`;
    const { stdout, stderr, code } = await bash(script, { bus, kind });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const [, pid, session] = /^pid=(\d+) session=(\S+)$/m.exec(stdout) ?? [];
    expect(session).toBe(pid);
    expect(stdout).toMatch(/^\{\n {2}"event_id": 2,\n/);
    expect(stdout).toContain("}\nNotification sent\n[2] done (repo:my-project) [info]\n");
    expect(stdout).toContain("\n    Finished\n");
    expect(stdout).toContain('"active_sessions": 0\n');
    expect(readFileSync(bus.shown, "utf8")).toContain("Complete");
  });

test.skipIf(noShell)("the webhook lines of the description work unchanged", async () => {
  const bus = await startHere();
  const { stdout, stderr, code } = await bash(STRICT + WEBHOOKS, { bus });
  expect(`${code} ${stderr}`).toBe("0 ");
  expect(stdout).toContain('"webhook_id": 1,\n  "url": "https://your-server.com/events",\n');
  expect(stdout).toEndWith("Webhook #1 removed\n");
  const { result } = await bus.call("list_webhooks");
  expect(result).toMatchObject([{ webhook_id: 2, channel: "session:", has_secret: true }]);
});
