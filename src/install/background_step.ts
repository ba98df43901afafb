import { busOf } from "../admin/holder.ts";
import { environment, type InstallConfig } from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import { plainEnvironment, startInBackground } from "./background.ts";
import { programPath } from "./binary.ts";
import { endBus } from "./end.ts";
import type { Journal } from "./journal.ts";
import { expectFree } from "./port.ts";
import { addressOf, isCurrent } from "./running.ts";
import { planned, type Step, step, unchanged } from "./steps.ts";

interface Wanted {
  config: InstallConfig;
  journal: Journal;
  /** The settings of the bus that it will run. */
  server: ServerConfig;
  /** An earlier step replaces the executable or the settings. */
  renewed: boolean;
}

/** Runs the bus in the background, where there is no service manager. */
export function backgroundStep({ config, journal, server, renewed }: Wanted): Step {
  return step("bus", async () => {
    const before = await busOf(server.db, config);
    const isOurs = before.kind === "bus";
    const pid = isOurs ? before.pid : undefined;
    await expectFree(config, server, { running: isOurs, pid }, false);
    const text = `runs in the background at ${addressOf(server)}`;
    if (isOurs && !renewed && (await isCurrent(config, server))) return unchanged(text);
    const start = () =>
      startInBackground({
        ...{ program: [programPath(config)], flags: [], env: plainEnvironment(environment) },
        ...{ err: server.err, folder: config.data },
      });
    return planned(text, async () => {
      journal.onUndo(async () => {
        const now = await busOf(server.db, config);
        if (now.kind === "bus") await endBus(now);
        if (isOurs) await start();
      });
      if (isOurs) await endBus(before);
      await start();
      return undefined;
    });
  });
}
