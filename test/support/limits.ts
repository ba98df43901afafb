import { LIMITS, type LimitName, type Limits } from "../../src/domain/limits.ts";

export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  Object.entries(LIMITS).map(([name, { fallback }]) => [name, fallback]),
) as Record<LimitName, number>;
