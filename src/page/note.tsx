import { tryNow } from "./connection.ts";
import { Icon } from "./icons.tsx";
import { hello, link, now } from "./state.ts";
import { clockOf } from "./words.ts";

/** One line while the bus is away. */
export function Note() {
  const { value } = link;
  if (value.state !== "away") return null;
  // The clock of the page ticks by the bus's time, the tries by the browser's.
  const seconds = now.value > 0 ? Math.max(0, Math.ceil((value.retryAt - Date.now()) / 1_000)) : 0;
  return (
    <div class="note" role="status">
      <Icon name="lost" />
      <span>
        <b>
          {hello.value === undefined
            ? "The bus does not answer."
            : `The bus has not answered since ${clockOf(value.since)}.`}
        </b>{" "}
        {hello.value !== undefined && "You see what was known then. "}
        <span aria-live="off">Next try {seconds === 0 ? "now" : `in ${seconds} s`}. Nothing is lost.</span>
      </span>
      <button type="button" class="btn s" onClick={tryNow}>
        Try now
      </button>
    </div>
  );
}
