// What the models say while one session asks another whether the tokens expire. Everything else is real.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { startTalker, type Talker } from "../claude-code/talker.ts";

export const SENTENCE = "ask web whether the tokens expire";
export const ANSWER =
  "Yes. Access tokens expire after 15 minutes, and the page renews them one minute before.";
export const CONCLUSION = "web says yes: tokens expire after 15 minutes, and the page renews them in time.";

const QUESTION = "Do your access tokens expire? If so, when?";
const TOOL = "mcp__agent-event-bus__";

/** The source that web looks at, in the folder of its session. */
const SOURCE = "src/session.ts";

async function writeProject(folder: string): Promise<void> {
  mkdirSync(dirname(join(folder, SOURCE)), { recursive: true });
  const lines = ["export const TOKEN_EXPIRES_MINUTES = 15;", "export const RENEW_BEFORE_MINUTES = 1;", ""];
  await Bun.write(join(folder, SOURCE), lines.join("\n"));
}

export interface Scene {
  api: Talker;
  web: Talker;
  stop(): void;
}

/** Starts the models of both sessions. `folder` is where web works. Each of their answers takes `thinkingMs`. */
export async function startScene(folder: string, thinkingMs = 0): Promise<Scene> {
  await writeProject(folder);
  const think = () => Bun.sleep(thinkingMs);
  const [api, web] = [startTalker(think), startTalker(think)];
  api.use(`${TOOL}ask`, { to: "web", payload: QUESTION, wait_seconds: 60 });
  api.say(CONCLUSION);
  web.use("Read", { file_path: join(folder, SOURCE) });
  web.use(`${TOOL}reply`, ({ conversation }) => {
    const [, id] = /reply\(event_id=(\d+)\)/.exec(conversation) ?? [];
    return { event_id: Number(id), payload: ANSWER };
  });
  web.say("I told api: after 15 minutes, and the page renews them before.");
  return {
    api,
    web,
    stop() {
      api.stop();
      web.stop();
    },
  };
}
