import type { InstallConfig } from "../config/client.ts";
import { findLaunchd } from "./launchd.ts";
import type { FoundService } from "./service_types.ts";
import { findSystemd } from "./systemd.ts";

export async function findService(config: InstallConfig): Promise<FoundService> {
  if (process.platform === "darwin") return findLaunchd(config);
  if (process.platform === "linux") return findSystemd(config);
  return { none: "this system has no service manager that the installer supports" };
}
