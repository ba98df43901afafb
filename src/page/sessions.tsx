import { useSignal } from "@preact/signals";
import { reachWords } from "../domain/reach.ts";
import { call } from "./bus.ts";
import { plain } from "./characters.ts";
import { writeTo } from "./composer_state.ts";
import { Icon } from "./icons.tsx";
import { Bars } from "./needs.tsx";
import { groupsOf, stateOf } from "./session_state.ts";
import { isCrowded, isLive, link, now, sessions, tab, today } from "./state.ts";
import { filter, setFilter } from "./stream_state.ts";
import { Line } from "./text.tsx";
import type { Session } from "./types.ts";
import { ageOf, counted, momentOf, sizeOf } from "./words.ts";

/** Sessions by repository, in the order of their first appearance. */
export function Sessions() {
  const { wakes, bytes } = today.value;
  const groups = groupsOf(sessions.value, filter.value.text);
  const isLoading = link.value.state === "loading";
  return (
    <section class="sessions" aria-labelledby="h-sessions" data-guard>
      <div class="sec">
        <h2 id="h-sessions">Sessions {!isLoading && <span class="n">{sessions.value.length}</span>}</h2>
        {!isLoading && <span class="more">{`${counted(wakes, "wake")}, ${sizeOf(bytes)} today`}</span>}
      </div>
      {isLoading && <Bars count={6} />}
      {!isLoading && sessions.value.length === 0 && <NoSession />}
      {groups.map(({ repo, sessions }) => (
        <div key={repo}>
          <h3 class="group">
            <Icon name="repo" />
            <Line>{repo}</Line>
          </h3>
          <ul class="box">
            {sessions.map((session) => (
              <SessionRow key={session.session_id} session={session} />
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function NoSession() {
  return <p class="meta">No session is here. Start Claude Code in a project, and it joins.</p>;
}

/** An idle session takes one line after this time, if there are many (ms). */
const RESTS_MS = 600_000;

function SessionRow({ session }: { session: Session }) {
  const { session_id, name, branch } = session;
  const isTapped = useSignal(false);
  const { dot, words, sign, since } = stateOf(session);
  const age = since === undefined ? "" : ` ${ageOf(since, now.value)}`;
  const isSlim =
    isCrowded.value && sign === "idle" && since !== undefined && now.value - Date.parse(since) > RESTS_MS;
  const isChosen = filter.value.session === session_id;
  const classes = ["session", isSlim && "slim", isTapped.value && "tapped", isChosen && "chosen"];
  return (
    <li class={classes.filter(Boolean).join(" ")}>
      <Icon name={dot} class={`dot-${sign}`} />
      <div>
        <div class="l1">
          <button
            type="button"
            class="name"
            aria-label={`${plain(name)}, show its messages`}
            aria-pressed={isChosen}
            onClick={() => {
              isTapped.value = !isTapped.value;
              if (innerWidth >= PHONE) setFilter({ session: isChosen ? undefined : session_id });
            }}
          >
            <Line>{name}</Line>
          </button>
          {branch && <Branch name={branch} />}
          <span class={`st ${sign}`}>{`${words}${age}`}</span>
        </div>
        <Words session={session} />
      </div>
      <Actions session={session} />
    </li>
  );
}

function Branch({ name }: { name: string }) {
  return (
    <span class="br">
      <Icon name="branch" />
      <i>
        <Line>{name}</Line>
      </i>
    </span>
  );
}

/** Width from which on all sections stand beside each other (px). */
const PHONE = 768;

function Words({
  session: { last_words, unread, machine, reach, wakes_today, muted_until },
}: {
  session: Session;
}) {
  const how = muted_until ? `muted until ${momentOf(muted_until, now.value)}` : reachWords(reach);
  return (
    <>
      {(last_words || unread > 0) && (
        <div class="l2">
          <span>
            <Line>{last_words ?? ""}</Line>
          </span>
          {unread > 0 && <span class="unread">{unread} unread</span>}
        </div>
      )}
      <div class="l3">
        <span class="how">
          <Line>{machine}</Line> <span class="sep">·</span>{" "}
          {how.replace("waiting for the person", "after you answer")}
        </span>
        {wakes_today !== undefined && <span class="r">{counted(wakes_today, "wake")}</span>}
      </div>
    </>
  );
}

function Actions({ session: { session_id, name, reach } }: { session: Session }) {
  return (
    <div class="hov">
      <button
        type="button"
        class="btn s"
        aria-label={`Message ${plain(name)}`}
        onClick={() => writeTo(session_id)}
      >
        Message
      </button>
      <button
        type="button"
        class="btn s show"
        aria-label={`Messages of ${plain(name)}`}
        onClick={() => {
          setFilter({ session: session_id });
          tab.value = "stream";
        }}
      >
        Show
      </button>
      <Mute id={session_id} name={name} isMuted={reach === "muted"} />
    </div>
  );
}

const MUTE_SECONDS = 3_600;

function Mute({ id, name, isMuted }: { id: string; name: string; isMuted: boolean }) {
  const problem = useSignal<string | undefined>(undefined);
  const mute = async () => {
    problem.value = undefined;
    await call("set_attention", { session: id, mute_seconds: isMuted ? 0 : MUTE_SECONDS }).catch(
      (error: Error) => {
        problem.value = plain(error.message);
      },
    );
  };
  const label = isMuted ? `Unmute ${plain(name)}` : `Mute ${plain(name)} for an hour`;
  return (
    <button
      type="button"
      class="btn s quiet"
      title={problem.value ?? (isMuted ? undefined : "For an hour")}
      aria-label={problem.value === undefined ? label : `${label}, failed: ${problem.value}`}
      disabled={!isLive.value}
      onClick={mute}
    >
      {problem.value !== undefined ? "Failed" : isMuted ? "Unmute" : "Mute"}
    </button>
  );
}
