import { useSignal } from "@preact/signals";
import { Icon } from "./icons.tsx";
import { ProblemRow } from "./problem_rows.tsx";
import { link, problems } from "./state.ts";
import type { Problem } from "./types.ts";
import { counted } from "./words.ts";

/** Everything that did not work, with what to do about it. */
export function Trouble() {
  const isOn = useSignal(false);
  const all = problems.value;
  const isNone = all.length === 0 || link.value.state === "loading";
  return (
    <section
      class={`trouble${isOn.value ? " on" : ""}${isNone ? " none" : ""}`}
      aria-labelledby="h-trouble"
      data-guard
    >
      <div class="sec">
        <h2 id="h-trouble">Trouble {!isNone && <span class="n">{all.length}</span>}</h2>
        {isNone ? (
          link.value.state !== "loading" && <span class="more">No trouble</span>
        ) : (
          <button
            type="button"
            class="meta sum"
            aria-expanded={isOn.value}
            onClick={() => {
              isOn.value = !isOn.value;
            }}
          >
            <span>{summaryOf(all)}</span>
            <Icon name="down" />
            <span class="vh">Show or fold</span>
          </button>
        )}
      </div>
      {!isNone && (
        <ul class="box">
          {all.map((problem) => (
            <ProblemRow key={keyOf(problem)} problem={problem} />
          ))}
        </ul>
      )}
    </section>
  );
}

const NOUNS: Readonly<Record<Problem["kind"], string>> = {
  undelivered: "message",
  webhook: "webhook",
  session: "session",
  source: "source",
  token: "token",
  storage: "storage fault",
};

function summaryOf(all: readonly Problem[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of all) counts.set(NOUNS[kind], (counts.get(NOUNS[kind]) ?? 0) + 1);
  return [...counts].map(([noun, count]) => counted(count, noun)).join(", ");
}

function keyOf(problem: Problem): string {
  switch (problem.kind) {
    case "undelivered":
      return `event ${problem.event_id}`;
    case "webhook":
      return `webhook ${problem.webhook_id}`;
    case "session":
      return `session ${problem.session_id}`;
    case "source":
      return `source ${problem.name}`;
    case "token":
      return `token ${problem.name}`;
    default:
      return problem.kind;
  }
}
