// The load generator, a process of its own: takes one job as JSON in its argument, prints its result as JSON.
import { type AppendJob, type AppendResult, append } from "./append.ts";
import { type ClosedJob, type ClosedResult, closed } from "./closed.ts";
import { type FloodJob, type FloodResult, flood } from "./flood.ts";
import { type HoldJob, hold } from "./hold.ts";
import { type ListenJob, listen } from "./listen.ts";
import { type MixedJob, type MixedResult, mixed } from "./mixed.ts";
import { type PagesJob, pages } from "./pages.ts";
import { type Times, type WakeJob, wake } from "./wake.ts";
import { type WebhookJob, webhook } from "./webhook.ts";

export type Job =
  | AppendJob
  | ClosedJob
  | FloodJob
  | HoldJob
  | ListenJob
  | MixedJob
  | PagesJob
  | WakeJob
  | WebhookJob;

export type ResultOf<J extends Job> = J extends ClosedJob
  ? ClosedResult
  : J extends AppendJob
    ? AppendResult
    : J extends FloodJob
      ? FloodResult
      : J extends MixedJob
        ? MixedResult
        : J extends HoldJob | ListenJob | PagesJob
          ? { held: number }
          : Times;

function run(job: Job): Promise<unknown> {
  switch (job.task) {
    case "append":
      return append(job);
    case "closed":
      return closed(job);
    case "flood":
      return flood(job);
    case "hold":
      return hold(job);
    case "listen":
      return listen(job);
    case "mixed":
      return mixed(job);
    case "pages":
      return pages(job);
    case "wake":
      return wake(job);
    case "webhook":
      return webhook(job);
  }
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? "{}"))));
  process.exit(0);
}
