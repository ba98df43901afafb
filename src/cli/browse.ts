import { hasScreen } from "../config/client.ts";
import type { Environment } from "../config/parse_settings.ts";

/** Opens a URL with the user's browser. False if there is no program for it. */
export type Browse = (url: string) => Promise<boolean>;

/** Undefined if the user sees no browser of this machine. */
export function browseBy(environment: Environment): Browse | undefined {
  if (!hasScreen(environment)) return undefined;
  return async (url) => {
    const { spawn } = process.getBuiltinModule("node:child_process");
    const [program, ...args] = opener(url);
    // The program may run as long as the browser does.
    const child = spawn(program, args, { env: environment, detached: true, stdio: "ignore" });
    child.unref();
    return new Promise((resolve) => {
      child.once("spawn", () => resolve(true));
      child.once("error", () => resolve(false));
    });
  };
}

function opener(url: string): [string, ...string[]] {
  switch (process.platform) {
    case "darwin":
      return ["open", url];
    case "win32":
      return ["rundll32", "url.dll,FileProtocolHandler", url];
    default:
      return ["xdg-open", url];
  }
}
