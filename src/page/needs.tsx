import { useSignal } from "@preact/signals";
import { lineOf, plain } from "./characters.ts";
import { Icon, type IconName } from "./icons.tsx";
import { MessageNeed } from "./need_message.tsx";
import { PermissionNeed } from "./need_permission.tsx";
import { QuestionNeed } from "./need_question.tsx";
import { announced, type Card, cards, lastAnswer, verbOf } from "./need_state.ts";
import { link, now } from "./state.ts";
import { Line, Refusal } from "./text.tsx";
import type { Need } from "./types.ts";
import { ageOf, clockOf, counted, spokenAge } from "./words.ts";

/** Cards that are shown whole. Further ones are lines. */
const WHOLE = 3;

/** The band of what waits for the person. */
export function Needs() {
  const opened = useSignal<ReadonlySet<number>>(new Set());
  const all = cards.value;
  const isWhole = ({ need }: Card, index: number) => index < WHOLE || opened.value.has(need.need_id);
  const lines = all.filter((card, index) => !isWhole(card, index));
  const isLoading = link.value.state === "loading";
  return (
    <section class="needs" id="needs" aria-labelledby="h-needs" data-guard>
      <div class="sec">
        <h2 id="h-needs">
          Needs you <Badge count={all.filter(({ said }) => said === undefined).length} />
        </h2>
        {all.length > 0 && <span class="more">Oldest first</span>}
      </div>
      {isLoading ? <Bars count={3} /> : all.length === 0 && <NoNeed />}
      <div class="needs-list">
        {all.filter(isWhole).map((card) => (
          <NeedCard key={card.need.need_id} card={card} />
        ))}
        {lines.length > 0 && (
          <div class="rows">
            {lines.map(({ need }) => (
              <NeedLine
                key={need.need_id}
                need={need}
                onOpen={() => {
                  opened.value = new Set([...opened.value, need.need_id]);
                }}
              />
            ))}
          </div>
        )}
      </div>
      <p class="vh" aria-live="polite">
        {announced}
      </p>
    </section>
  );
}

export function Badge({ count, class: of = "badge" }: { count: number; class?: string }) {
  return count === 0 ? null : <span class={of}>{count}</span>;
}

/** Grey bars while the page loads. */
export function Bars({ count }: { count: number }) {
  return (
    <div class="bars" aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

function NoNeed() {
  const last = lastAnswer.value;
  return (
    <p class="nobody">
      <Icon name="check" />
      <span>
        Nobody needs you.{" "}
        {last && (
          <span class="sep">
            Last: <Line>{last.words}</Line> at {clockOf(last.at)}.
          </span>
        )}
      </span>
    </p>
  );
}

const ICONS: Readonly<Record<Need["kind"], IconName>> = {
  permission: "permission",
  question: "question",
  elicitation: "question",
  ask: "question",
  help: "sos",
};

const NOUNS: Readonly<Record<Need["kind"], string>> = {
  permission: "Permission for",
  question: "Question from",
  elicitation: "Form of",
  ask: "Question from",
  help: "Help needed by",
};

function NeedCard({ card: { need, said, busy = false, problem } }: { card: Card }) {
  const { kind, name, since } = need;
  const label = `${NOUNS[kind]} ${plain(name)}, ${spokenAge(since, now.value)} old`;
  return (
    <article
      class={kind === "permission" ? "need wide" : "need"}
      tabIndex={-1}
      aria-label={label}
      data-need={need.need_id}
    >
      {said !== undefined ? (
        <div class="done">
          <Icon name="check" />
          <span>
            <Line>{said}</Line>
          </span>
        </div>
      ) : (
        <>
          <NeedHead need={need} />
          <NeedBody need={need} busy={busy} />
          <Refusal>{problem ?? ""}</Refusal>
        </>
      )}
    </article>
  );
}

function NeedBody({ need, busy }: { need: Need; busy: boolean }) {
  if (need.kind === "permission") return <PermissionNeed need={need} busy={busy} />;
  if (need.kind === "ask" || need.kind === "help") return <MessageNeed need={need} busy={busy} />;
  return <QuestionNeed need={need} busy={busy} />;
}

function NeedHead({ need }: { need: Need }) {
  const { kind, name, since, repo, branch, machine } = need;
  return (
    <header>
      <Icon name={ICONS[kind]} />
      <h3>
        <b>
          <Line>{name}</Line>
        </b>{" "}
        {verbOf(need)}
      </h3>
      <span class="age">{ageOf(since, now.value)}</span>
      <p class="meta">
        {repo !== null && <Line>{repo}</Line>}
        {branch && (
          <>
            {" · "}
            <span class="mono">
              <Line>{branch}</Line>
            </span>
          </>
        )}
        {machine !== null && (
          <>
            {" · "}
            <Line>{machine}</Line>
          </>
        )}
      </p>
    </header>
  );
}

function NeedLine({ need, onOpen }: { need: Need; onOpen(): void }) {
  return (
    <button type="button" class="need-row" data-need={need.need_id} onClick={onOpen}>
      <Icon name={ICONS[need.kind]} />
      <b>
        <Line>{need.name}</Line>
      </b>
      <span class="w">{verbOf(need)}</span>
      <span class="tx">
        <Line>{lineOf(need.text)}</Line>
      </span>
      <span class="age">{ageOf(need.since, now.value)}</span>
    </button>
  );
}

/** For the title of the page. */
export function waitingCount(): number {
  return cards.value.filter(({ said }) => said === undefined).length;
}

/** One sentence on the count, for screen readers of the tabs. */
export function waitingWords(): string {
  return counted(waitingCount(), "need");
}
