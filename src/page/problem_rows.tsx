import { useSignal } from "@preact/signals";
import { plain } from "./characters.ts";
import { writeTo } from "./composer_state.ts";
import { Menu } from "./menu.tsx";
import { copy, openEvent, pause, retry, sendElsewhere } from "./problem_actions.ts";
import { Button, type Of, ProblemLine, Row } from "./problem_line.tsx";
import { isLive, now, sessions } from "./state.ts";
import { Strip } from "./strip.tsx";
import { Line } from "./text.tsx";
import type { Problem } from "./types.ts";
import { ageOf, momentOf, timeUntil } from "./words.ts";

/** One problem: its name, since when, why, and up to two actions. */
export function ProblemRow({ problem }: { problem: Problem }) {
  switch (problem.kind) {
    case "undelivered":
      return <Undelivered problem={problem} />;
    case "webhook":
      return <Webhook problem={problem} />;
    case "session":
      return <SilentSession problem={problem} />;
    case "source":
      return <Source problem={problem} />;
    case "token":
      return <Token problem={problem} />;
    case "storage":
      return <Storage problem={problem} />;
    default:
      return null;
  }
}

function Undelivered({ problem: { event_id, from, to, since, why } }: Of<"undelivered">) {
  const title = `${from} → ${to} not delivered`;
  return (
    <Row icon="mail_lost" title={title} since={ageOf(since, now.value)}>
      <ProblemLine
        why={
          <span title={plain(why)}>
            <Line>{why}</Line>
          </span>
        }
      >
        {(run) => (
          <>
            <Button
              label="Open"
              about={`Open the message to ${plain(to)}`}
              onClick={run(() => openEvent(event_id))}
            />
            <Menu
              class="btn s"
              label="Send to… another session"
              disabled={!isLive.value}
              choices={() =>
                sessions.value.map(({ session_id, name, repo }) => ({
                  value: session_id,
                  label: name,
                  detail: plain(repo),
                }))
              }
              onChoose={(id) => run(() => sendElsewhere(event_id, id))()}
            >
              Send to…
            </Menu>
          </>
        )}
      </ProblemLine>
    </Row>
  );
}

function Webhook({ problem }: Of<"webhook">) {
  const { webhook_id, host, status, since, next_at, pending, dead, paused } = problem;
  const state = paused ? "is paused" : status === null ? "does not answer" : `answers ${status}`;
  const next = next_at === null ? undefined : timeUntil(next_at, now.value);
  const parts = [
    ...(paused ? [] : next === undefined ? [] : [`Next try in ${next}`]),
    ...(pending > 0 ? [`${pending} wait`] : []),
    ...(dead > 0 ? [`${dead} given up`] : []),
  ];
  const row = {
    icon: "hook" as const,
    title: `${host} ${state}`,
    since: since === null ? "" : ageOf(since, now.value),
  };
  return (
    <Row {...row} more={<Strip problem={problem} />}>
      <ProblemLine why={<span>{parts.join(" · ")}</span>}>
        {(run) => (
          <>
            <Button label="Retry" about={`Retry ${plain(host)}`} onClick={run(() => retry(problem))} />
            <Button
              label={paused ? "Resume" : "Pause"}
              about={`${paused ? "Resume" : "Pause"} ${plain(host)}`}
              onClick={run(() => pause(webhook_id, !paused))}
            />
          </>
        )}
      </ProblemLine>
    </Row>
  );
}

function SilentSession({ problem: { session_id, name, since, why } }: Of<"session">) {
  return (
    <Row icon="warning" title={`${name} is silent`} since={ageOf(since, now.value)}>
      <ProblemLine
        why={
          <span title={plain(why)}>
            <Line>{why}</Line>
          </span>
        }
      >
        {() => (
          <Button label="Message" about={`Message ${plain(name)}`} onClick={() => writeTo(session_id)} />
        )}
      </ProblemLine>
    </Row>
  );
}

function Source({ problem: { name, since, why, refused } }: Of<"source">) {
  const [command, shown] = [`agent-event-bus source rotate ${name}`, `source rotate ${name}`];
  return (
    <Row icon="hook" title={`${name} is refused (${refused}): ${why}`} since={ageOf(since, now.value)}>
      <CopyLine command={command} shown={shown} />
    </Row>
  );
}

function Token({ problem: { name, expires_at } }: Of<"token">) {
  const left = timeUntil(expires_at, now.value);
  const verb = left === undefined ? "expired" : "expires";
  const command = `agent-event-bus token create --name ${name}-2`;
  return (
    <Row
      soon
      icon="key"
      title={`Token ${name} ${verb} ${preposition(expires_at)} ${momentOf(expires_at, now.value)}`}
      since={left ?? ageOf(expires_at, now.value)}
    >
      <CopyLine command={command} shown={command.replace("agent-event-bus ", "")} />
    </Row>
  );
}

function preposition(time: string): string {
  return new Date(time).toDateString() === new Date(now.value).toDateString() ? "at" : "on";
}

function CopyLine({ command, shown }: { command: string; shown: string }) {
  const isCopied = useSignal(false);
  return (
    <ProblemLine
      why={
        <code title={plain(command)}>
          <Line>{shown}</Line>
        </code>
      }
    >
      {(run) => (
        <Button
          label={isCopied.value ? "Copied" : "Copy"}
          about={`Copy: ${plain(command)}`}
          onClick={run(async () => {
            await copy(command);
            isCopied.value = true;
            setTimeout(() => {
              isCopied.value = false;
            }, 1_600);
          })}
        />
      )}
    </ProblemLine>
  );
}

function Storage({ problem: { since, why } }: Of<"storage">) {
  return (
    <Row icon="warning" title={`Nothing can be written: ${why}`} since={ageOf(since, now.value)}>
      <CopyLine command="agent-event-bus doctor" shown="agent-event-bus doctor" />
    </Row>
  );
}
