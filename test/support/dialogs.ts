import type { Need } from "../../src/domain/need.ts";
import { processStart } from "../../src/lib/process.ts";
import { fresh } from "./agent.ts";
import type { TestBus } from "./bus.ts";
import { sleeper } from "./client.ts";
import { selected } from "./engine.ts";
import { eventually } from "./webhook.ts";

export const COLOURS = ["Red", "Green", "Blue", "None of them"];

/** The input of a question with these options. */
export function questionInput(labels: readonly string[] = COLOURS, question = "Which colour?"): string {
  const options = labels.map((label) => ({ label, description: `${label} it is` }));
  return JSON.stringify({ questions: [{ question, header: "Colour", options, multiSelect: false }] });
}

/** A dialog that stands in a session. */
export interface Standing {
  need: Pick<Need, "need_id" | "secret">;
  /** What the hook that stands by it is told in the end. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  told: Promise<any>;
}

/** A registered session whose client is a process of its own, and its dialogs. */
export async function sessionAt(bus: TestBus, name = fresh("api")) {
  const client_id = fresh("client");
  const { pid } = sleeper();
  const start = { client_id, pid, pid_started: processStart(pid) };
  await bus.call("start_session", { ...start, name, cwd: "/home/me/shop", repo: "shop" });
  const report = (key: string, more: object) =>
    bus.call("report_dialog", {
      ...{ client_id, pid, key, cwd: "/home/me/shop", branch: "main" },
      ...{ kind: "permission", text: "Bash: echo hidden-input", tool: "Bash" },
      ...{ input: JSON.stringify({ command: "echo hidden-input" }) },
      // Has stood for as long as it takes until it is shown.
      ...{ open_ms: 10_000, certain: true, answerable: true, wait_seconds: 60, ...more },
    });
  async function stand(more: object = {}, key = fresh("key")): Promise<Standing> {
    const told = report(key, more);
    told.catch(() => {});
    let need: Standing["need"] | undefined;
    await eventually("the need is known", () => {
      need = needOfKey(bus.db, key);
      return need !== undefined;
    });
    return { need: need as Standing["need"], told };
  }
  const ask = (labels: readonly string[] = COLOURS) =>
    stand({ kind: "question", text: "Which colour?", tool: "AskUserQuestion", input: questionInput(labels) });
  return { client_id, name, report, stand, ask };
}

/** Of the dialog that its hook called so. Read past the bus, because nothing shows the secret. */
export function needOfKey(path: string, key: string): (Standing["need"] & Pick<Need, "state">) | undefined {
  const sql = "SELECT need_id, secret, state FROM needs WHERE key LIKE '%' || ?";
  return selected<Standing["need"] & Pick<Need, "state">>(path, sql, key)[0];
}
