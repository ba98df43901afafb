import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { canMount } from "../support/disk.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";

/** The system's store on Debian and its kin. */
const STORE = "/etc/ssl/certs/ca-certificates.crt";
const reason =
  Bun.which("openssl") === null
    ? "no command openssl"
    : !existsSync(STORE)
      ? `no ${STORE}`
      : canMount
        ? null
        : "nothing can be mounted";
if (reason !== null) console.log(`skipped: certificates of the system's store, ${reason}`);

const UNTRUSTED = "is not trusted by this machine (";
const SWITCHED_OFF = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };

describe.skipIf(reason !== null).each(["binary", "node"] as Kind[])("%s", (kind) => {
  let folder = "";
  let behind: ProcessBus;
  let front: Bun.Server<undefined>;
  let asked = 0;
  let url = "";
  /** Words in front of a program for which the system's store holds the certificate. */
  let trusting: string[] = [];

  beforeAll(async () => {
    folder = tempFolder(true);
    const words =
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -subj /CN=localhost";
    const more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key", "-out", "cert"];
    Bun.spawnSync(["openssl", ...words.split(" "), ...more], { cwd: folder, stderr: "ignore" });
    behind = await startBus(kind, { outlives: true });
    const [key, cert] = ["key", "cert"].map((name) => Bun.file(join(folder, name)));
    front = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { key, cert },
      fetch: async (request) => {
        asked++;
        if (new URL(request.url).pathname !== "/mcp") return new Response(null, { status: 204 });
        const headers = { "content-type": "application/json", accept: "application/json" };
        return fetch(behind.url, { method: "POST", headers, body: await request.text() });
      },
    });
    url = `https://localhost:${front.port}/mcp`;
    const script = `mount --bind "$0" ${STORE} && exec "$@"`;
    trusting = ["unshare", "-rm", "sh", "-c", script, join(folder, "cert")];
  });
  afterAll(async () => {
    front.stop(true);
    await behind.kill();
    removeFolders();
  });

  test("a command trusts what the system's store trusts", async () => {
    const { stderr, code } = await cli(["sessions", "--url", url], { kind, inside: trusting });
    expect([code, stderr]).toEqual([0, ""]);
  });

  test.each([{}, SWITCHED_OFF])(
    "a command tells of another certificate, and sends nothing: %j",
    async (env) => {
      const before = asked;
      const { stderr, code } = await cli(["sessions", "--url", url], { kind, env });
      expect(code).toBe(3);
      expect(stderr).toContain(`The certificate of localhost:${front.port} ${UNTRUSTED}`);
      expect(stderr).toContain("NODE_EXTRA_CA_CERTS");
      expect(asked).toBe(before);
    },
  );

  test("a webhook trusts what the system's store trusts", async () => {
    expect(await delivered({ inside: trusting })).toEqual([true, 1]);
  });

  test.each([{}, SWITCHED_OFF])("a webhook sends nothing where it does not trust: %j", async (env) => {
    expect(await delivered({ env })).toEqual([false, 0]);
  });

  async function delivered(options: object): Promise<[boolean, number]> {
    const before = asked;
    const bus = await startBus(kind, options);
    const { webhook_id } = await bus.call("register_webhook", {
      url: `https://localhost:${front.port}/hook`,
    });
    const { success } = await bus.call("test_webhook", { webhook_id });
    await bus.kill();
    return [success, asked - before];
  }
});
