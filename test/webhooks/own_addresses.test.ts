import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeLan, type Lan, skipsLan, startLan } from "../support/lan.ts";
import { post } from "../support/raw.ts";
import { call, tryTool } from "../support/strangers.ts";
import { eventually } from "../support/webhook.ts";

const BUS = "203.0.113.1";
const LATER = "203.0.113.77";
let lan: Lan;

/** What the tool answers to a holder of the token `laptop` on another machine, or to a program of the bus's own. */
async function answer(who: "laptop" | "local", tool: string, args: object): Promise<string> {
  if (who === "laptop")
    return (await tryTool(lan.bus, { from: lan.wire.client, to: BUS }, tool, args, lan.bearer("laptop")))
      .body;
  return (await lan.wire.server.send("127.0.0.1", lan.bus.port, post(call(tool, args)))).body;
}

describe.skipIf(skipsLan("webhooks to the bus's own machine"))("a bus with public addresses", () => {
  beforeAll(async () => {
    lan = await startLan({
      networks: [
        [`${BUS}/24`, "203.0.113.2/24"],
        ["2001:470:1::1/64", "2001:470:1::2/64"],
      ],
      env: { HOST: "0.0.0.0", AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: "203.0.113.0/24" },
    });
    // The kernel takes these for its own, though no interface has them.
    lan.wire.server.ip("route", "add", "local", "198.51.100.0/24", "dev", "lo");
  });
  afterAll(() => closeLan(lan));

  test.each([
    ["its address", `http://${BUS}:9/`],
    ["its address, mapped into IPv6", `http://[::ffff:${BUS}]:9/`],
    ["its address as a number", "http://3405803777:9/"],
    ["its IPv6 address", "http://[2001:470:1::1]:9/"],
    ["its IPv6 address in full", "http://[2001:0470:0001:0:0:0:0:1]:9/"],
    ["an address that is routed to it as a whole", "http://198.51.100.9:9/"],
  ])("refuses a remote registrant %s, and takes it from a local program", async (_, url) => {
    expect(await answer("laptop", "register_webhook", { url })).toContain(
      "an address of the bus's own machine",
    );
    expect(await answer("local", "register_webhook", { url })).not.toContain("isError");
  });

  test("refuses an address at the attempt that became its own after the registration", async () => {
    const url = `http://${LATER}:9/`;
    const body = await answer("laptop", "register_webhook", { url, event_types: ["late"] });
    expect(body).not.toContain('"isError":true');
    const id = Number(/webhook_id\\?":(\d+)/.exec(body)?.[1]);
    lan.wire.server.ip("address", "add", `${LATER}/32`, "dev", "lo");
    await answer("local", "publish_event", { event_type: "late", payload: "x" });
    await eventually("a refused attempt", async () =>
      (await answer("local", "list_deliveries", { webhook_id: id })).includes(
        "an address of the bus's own machine",
      ),
    );
  });

  test("lets a remote registrant name another machine of an allowed network", async () => {
    expect(await answer("laptop", "register_webhook", { url: "http://203.0.113.2:9/" })).not.toContain(
      "isError",
    );
  });
});
