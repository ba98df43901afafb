import { mayAnswer, tellAttempt } from "../domain/answering.ts";
import { operation } from "./operation.ts";

export const openPage = operation({
  name: "open_page",
  about: "Open the page in your browser, signed in.",
  effect: "writes",
  scope: "any",
  tool: false,
  params: {
    browser: {
      type: "boolean",
      default: false,
      flag: false,
      about: "The link is opened by a browser of this user, and works in no other",
    },
  },
  command: {
    name: "open",
    examples: [
      ["open", "what needs you, who is here and what goes on, in your browser"],
      ["open --no-browser", "print the link, for a browser elsewhere"],
    ],
    flags: { "no-browser": { about: "Print the link and open nothing", boolean: true } },
    before: (_args, flags, here) => ({
      browser: flags["no-browser"] !== true && here.browse !== undefined,
    }),
    async after({ code, expires_at }, { args, here }) {
      const url = here.link(`#code=${code}`);
      const opened = args.browser === true && (await here.browse?.(url)) === true;
      return { url, expires_at, opened };
    },
  },
  async run(bus, { browser }, { caller }) {
    const refused = await mayAnswer(bus, caller);
    if (refused !== null) {
      await tellAttempt(bus, refused, "open");
      return { error: refused.reason };
    }
    const user = browser ? caller.process?.user : undefined;
    const { code, until } = await bus.pageCodes.make({ token: caller.token, user }, bus.now());
    return { code, expires_at: new Date(until).toISOString() };
  },
  print({ url, opened }, to) {
    to.prose(
      opened === true
        ? "The page opens in your browser. If it does not, open this link within a minute:"
        : "Open this link in your browser within a minute. It works once:",
    );
    to.line(to.text(url));
  },
});
