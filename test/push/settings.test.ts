import { expect, test } from "bun:test";
import { serverConfig } from "../../src/config/server.ts";
import { tempFolder } from "../support/folder.ts";
import { serveUntilExit } from "../support/serve.ts";

const pushOf = (env: Record<string, string>) => serverConfig({}, env, {}).push;
const topics = (text: string) => pushOf({ AGENT_EVENT_BUS_PUSH: text }).topics;
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const ntfyParam = (text: string) => Buffer.from(text).toString("base64").replaceAll("=", "");

test("without settings nothing is pushed", () => {
  expect(pushOf({})).toEqual({ topics: [], publicUrl: null, detail: false });
});

test.each([
  ["https://ntfy.example/mine", "https://ntfy.example", "mine", null],
  ["http://127.0.0.1:8090/a_B-1/", "http://127.0.0.1:8090", "a_B-1", null],
  ["https://ada:pass@ntfy.example/mine", "https://ntfy.example", "mine", basic("ada:pass")],
  ["https://ada:p%40s%2Cs%3A@ntfy.example/mine", "https://ntfy.example", "mine", basic("ada:p@s,s:")],
  ["https://tk_abc123@ntfy.example/mine", "https://ntfy.example", "mine", "Bearer tk_abc123"],
  ["https://:tk_abc123@ntfy.example/mine", "https://ntfy.example", "mine", "Bearer tk_abc123"],
  [
    `https://ntfy.example/mine?auth=${ntfyParam("Bearer tk_x")}`,
    "https://ntfy.example",
    "mine",
    "Bearer tk_x",
  ],
])("%s is understood", (url, server, name, authorization) => {
  expect(topics(url)).toEqual([{ server, name, authorization }]);
});

test("several topics are separated by commas", () => {
  expect(topics(" https://a.example/one , https://b.example/two,").map(({ name }) => name)).toEqual([
    "one",
    "two",
  ]);
});

test.each([
  ["secret-topic", "topic 1 is not an http or https URL"],
  ["ftp://ntfy.example/secret", "topic 1 is not an http or https URL"],
  ["https://ntfy.example/", "topic 1 needs one name after the host"],
  ["https://ntfy.example/se.cret", "topic 1 needs one name after the host"],
  ["https://ntfy.example/secret/two", "topic 1 needs one name after the host"],
  ["https://ntfy.example/ok,https://ntfy.example/se%20cret", "topic 2 needs one name after the host"],
  ["https://ntfy.example/secret#x", "topic 1 has a # in it"],
  ["https://ntfy.example:0/secret", "topic 1 has the port 0, at which nothing can be reached"],
  ["https://secret@ntfy.example/mine", "topic 1 has a user, password or token that cannot be understood"],
  [
    "https://ada:%FFsecret@ntfy.example/mine",
    "topic 1 has a user, password or token that cannot be understood",
  ],
  [
    "https://ntfy.example/mine?auth=secret",
    "topic 1 has a user, password or token that cannot be understood",
  ],
  [
    "https://ntfy.example/mine?token=secret",
    "topic 1 has a user, password or token that cannot be understood",
  ],
])("%s is refused, and the message shows nothing of it", (text, says) => {
  expect(() => topics(text)).toThrow(`AGENT_EVENT_BUS_PUSH: ${says}`);
  expect(() => topics(text)).not.toThrow("secret");
});

test.each([
  ["https://my-server.ts.net", "https://my-server.ts.net"],
  ["https://my-server.ts.net/bus/", "https://my-server.ts.net/bus"],
  ["https://my-server.ts.net/bus/mcp", "https://my-server.ts.net/bus"],
  ["http://100.64.0.1:8080", "http://100.64.0.1:8080"],
])("the phone reaches the bus at %s", (given, url) => {
  expect(pushOf({ AGENT_EVENT_BUS_PUBLIC_URL: given }).publicUrl).toBe(url);
});

test.each([
  ["my-server.ts.net", "must be an http or https URL"],
  ["file:///x", "must be an http or https URL"],
  ["https://ada:pw@x.example", "takes a URL without a user"],
  ["https://x.example/?a=b", "takes a URL without a user"],
  ["https://x.example:0", "has the port 0"],
  [`https://x.example/${"x".repeat(300)}`, "takes a URL of up to 300 characters"],
])("%s is not where the phone reaches the bus", (given, says) => {
  expect(() => pushOf({ AGENT_EVENT_BUS_PUBLIC_URL: given })).toThrow(`AGENT_EVENT_BUS_PUBLIC_URL ${says}`);
});

test.each([
  ["AGENT_EVENT_BUS_PUSH", "https://ada:hidden@ntfy.example/"],
  ["AGENT_EVENT_BUS_PUBLIC_URL", "my-server"],
  ["AGENT_EVENT_BUS_PUSH_DETAIL", "perhaps"],
])("a wrong %s ends serve with a sentence", async (name, value) => {
  const { code, stderr, stdout } = await serveUntilExit({ folder: tempFolder(), env: { [name]: value } });
  expect(code).toBe(78);
  expect(stdout).toBe("");
  expect(stderr).toContain(name);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).not.toContain("hidden");
});

test("a line of settings.env that is not KEY=VALUE is shown without its password", () => {
  const text = "AGENT_EVENT_BUS_PUSH https://ada:hidden@ntfy.example/mine";
  const read = () =>
    import("../../src/config/parse_settings.ts").then(({ parseSettings }) => parseSettings(text, "f"));
  expect(read()).rejects.toThrow("https://…@ntfy.example/mine");
});
