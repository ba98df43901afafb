import { plain } from "./characters.ts";
import {
  channel,
  choices,
  choose,
  draft,
  isSending,
  reach,
  recipient,
  send,
  sendProblem,
} from "./composer_state.ts";
import { Icon } from "./icons.tsx";
import { Menu } from "./menu.tsx";
import { isLive, link } from "./state.ts";
import { Line, Refusal } from "./text.tsx";

/** Writes to a session, a repository or everyone. */
export function Composer() {
  return (
    <form
      class="send"
      onSubmit={(event) => {
        event.preventDefault();
        if (isLive.value) void send();
      }}
    >
      <div class="field">
        <To />
        <Words />
        {link.value.state !== "loading" && <span class="reach">{reach.value}</span>}
        <button
          type="submit"
          class="btn main"
          aria-label="Send"
          aria-busy={isSending.value}
          disabled={!isLive.value}
        >
          <span>Send</span>
          <Icon name="send" />
        </button>
      </div>
      <Refusal>{sendProblem.value ?? ""}</Refusal>
    </form>
  );
}

function To() {
  return (
    <Menu
      class="to-btn"
      label={`To ${plain(recipient.value)}, change`}
      choices={() => choices.value.map((choice) => ({ ...choice, detail: plain(choice.detail) }))}
      value={channel.value}
      onChoose={choose}
    >
      <i>to</i>
      <b>
        <Line>{recipient.value}</Line>
      </b>
      <Icon name="down" />
    </Menu>
  );
}

function Words() {
  const to = plain(recipient.value);
  return (
    <textarea
      id="message"
      rows={1}
      aria-label={`Message to ${to}, ${reach.value}`}
      placeholder="Write a message"
      value={draft}
      onInput={({ currentTarget }) => {
        draft.value = currentTarget.value;
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        event.currentTarget.form?.requestSubmit();
      }}
    />
  );
}
