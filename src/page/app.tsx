import { Help } from "./help.tsx";
import { Drawings, Icon } from "./icons.tsx";
import { cards } from "./need_state.ts";
import { Needs } from "./needs.tsx";
import { Note } from "./note.tsx";
import { Sessions } from "./sessions.tsx";
import { isCrowded, link, tab } from "./state.ts";
import { Stream } from "./stream.tsx";
import { Tabs } from "./tabs.tsx";
import { Top } from "./top.tsx";
import { Trouble } from "./trouble.tsx";

/** The whole page. */
export function App() {
  const { state } = link.value;
  return (
    <>
      <Drawings />
      {state === "signed_out" ? <SignedOut /> : <Sections />}
    </>
  );
}

function Sections() {
  const { state } = link.value;
  const calm = cards.value.length === 0 && state !== "loading";
  const classes = ["app", calm && "calm", isCrowded.value && "many", state === "away" && "away"];
  return (
    <>
      <a class="skip" href="#needs">
        To what needs you
      </a>
      <div class={classes.filter(Boolean).join(" ")} data-tab={tab.value}>
        <Top />
        <Note />
        <main>
          <Needs />
          <div class="rail">
            <Sessions />
            <Trouble />
          </div>
          <Stream />
        </main>
        <Tabs />
      </div>
      <Help />
    </>
  );
}

function SignedOut() {
  return (
    <main class="signed-out">
      <h1>
        <Icon name="bus" />
        agent-event-bus
      </h1>
      <p>You are signed out. To open this page, run in a terminal:</p>
      <code>agent-event-bus open</code>
    </main>
  );
}
