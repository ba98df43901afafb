// Does to a HOME what an installer on a Mac does about the service: install, stop, start, restart or uninstall. Prints the steps as JSON.

import { environment, installConfig, settingsFile } from "../../src/config/client.ts";
import { serverConfig } from "../../src/config/server.ts";
import { Journal } from "../../src/install/journal.ts";
import { findLaunchd } from "../../src/install/launchd.ts";
import { findOriginal } from "../../src/install/python_original.ts";
import { removeServiceStep, serviceStep, untilItAnswers } from "../../src/install/running.ts";
import { settingsStep } from "../../src/install/settings.ts";
import { carryOut, type Step } from "../../src/install/steps.ts";

const [what] = process.argv.slice(2);
const config = installConfig(environment);
const journal = new Journal(config.data);
const service = await findLaunchd(config);
if ("none" in service) throw new Error(service.none);
const steps: Step[] = [];
const original = findOriginal(config, service, `${config.bin}/agent-event-bus`);
const changes = what === "install" ? { ...original?.settings } : {};
const server = serverConfig({}, {}, { ...settingsFile(), ...changes });
if (what === "install")
  steps.push(
    settingsStep(journal, changes as Record<string, string>),
    serviceStep({ config, journal, service, server, renewed: original !== undefined }),
  );
if (what === "uninstall") steps.push(removeServiceStep(config, journal, service));
if (what === "stop") await service.stop();
if (what === "start") {
  await service.start();
  await untilItAnswers(service, server, undefined);
}
if (what === "restart") {
  const { pid } = await service.state();
  await service.restart();
  await untilItAnswers(service, server, pid);
}
const desk = { json: true, tell: async () => true, ask: undefined };
const result = await carryOut(steps, { desk, journal, flags: { dry_run: false, yes: true } });
console.log(JSON.stringify(result));
