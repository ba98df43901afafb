import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";

const program = join(import.meta.dir, "../support/original_cli.ts");

for (const kind of ["binary", "node"] as const)
  describe(`the original's CLI against the bus as ${kind}`, async () => {
    const bus = await startBus(kind);

    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
    async function original(...words: string[]): Promise<any> {
      const child = Bun.spawn([process.execPath, program, ...words], {
        cwd: bus.folder,
        env: { PATH: process.env.PATH ?? "", AGENT_EVENT_BUS_URL: bus.url },
        stderr: "pipe",
      });
      const [stdout, stderr] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      expect(stderr).toBe("");
      return JSON.parse(stdout);
    }

    test("registers, sees itself, and resumes what it missed exactly once", async () => {
      const me = await original("register", "--name", "one", "--client-id", "client-1");
      expect(me).toMatchObject({ session_id: "client-1", name: "one", machine: "this-host", resumed: false });
      const sessions = await original("sessions");
      expect(sessions).toBeArrayOfSize(1);
      expect(sessions[0]).toMatchObject({ session_id: "client-1", display_id: me.display_id });
      const published = await original(
        "publish",
        "--type",
        "note",
        "--payload",
        "hi",
        "--session-id",
        "other",
      );
      expect(published).toMatchObject({ event_type: "note", payload: "hi", channel: "all" });
      const resume = ["events", "--session-id", "client-1", "--resume", "--order", "asc"];
      const read = await original(...resume);
      expect(read.events.map((event: { id: number }) => event.id)).toEqual([published.event_id]);
      expect(read.next_cursor).toBe(String(published.event_id));
      expect((await original(...resume)).events).toEqual([]);
    });

    test("acknowledges, and gets a refusal of the contract as an ordinary result", async () => {
      const { event_id } = await original("publish", "--type", "note", "--payload", "hi");
      const ack = ["ack", "--session-id", "client-1", "--cursor"];
      expect(await original(...ack, String(event_id))).toMatchObject({ success: true });
      expect(await original(...ack, "999999")).toMatchObject({
        error: expect.any(String),
        cursor: String(event_id),
      });
    });

    test("registers, lists and unregisters webhooks", async () => {
      const hook = await original("webhook", "register", "--url", "https://example.com/", "--secret", "s");
      expect(hook).toMatchObject({ url: "https://example.com/", channel: null, event_types: null });
      const id = hook.webhook_id;
      const listed = { webhook_id: id, active: true, has_secret: true };
      expect(await original("webhook", "list")).toEqual([expect.objectContaining(listed)]);
      expect(await original("webhook", "unregister", String(id))).toEqual({ success: true, webhook_id: id });
      expect(await original("webhook", "list")).toEqual([]);
    });
  });
