import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { plain } from "./characters.ts";
import { answer } from "./need_state.ts";
import { isLive } from "./state.ts";
import { Line, Text } from "./text.tsx";
import type { Need } from "./types.ts";
import { counted } from "./words.ts";

/** A tool that an agent may use only if the person allows it. */
export function PermissionNeed({ need, busy }: { need: Need; busy: boolean }) {
  const parts = partsOf(need.input);
  const mayAllow = need.answerable && parts.length > 0;
  const isStill = busy || !isLive.value;
  return (
    <>
      {parts.length > 0 ? <WholeInput need={need} parts={parts} /> : <InputUnknown need={need} />}
      <div class="push" />
      {need.answerable ? (
        <div class="acts">
          <button
            type="button"
            class="btn"
            data-key="d"
            disabled={isStill}
            onClick={() => answer(need, ["deny"], `You denied ${plain(need.name)} this ${nounOf(need)}`)}
          >
            Deny <kbd>d</kbd>
          </button>
          <button
            type="button"
            class="btn"
            data-key="a"
            disabled={isStill || !mayAllow}
            onClick={() =>
              answer(need, ["allow"], `You allowed ${plain(need.name)} this ${nounOf(need)}, once`)
            }
          >
            Allow once <kbd>a</kbd>
          </button>
        </div>
      ) : (
        <p class="meta">Answer it in its terminal.</p>
      )}
    </>
  );
}

const nounOf = ({ tool }: Need) => (tool === "Bash" ? "command" : "tool use");

function InputUnknown({ need: { text, answerable } }: { need: Need }) {
  return (
    <>
      <p class="say">
        <Text>{text}</Text>
      </p>
      {answerable && (
        <p class="meta">Its input cannot be shown here whole. To allow it, go to its terminal.</p>
      )}
    </>
  );
}

interface Part {
  /** Null if the input has this part alone. */
  name: string | null;
  text: string;
}

/** The parts of an input, each as text. Empty if the input is not known. */
function partsOf(input: unknown): Part[] {
  if (input === null || input === undefined) return [];
  if (typeof input !== "object") return [{ name: null, text: String(input) }];
  const parts = Object.entries(input).map(([name, value]) => ({
    name,
    text: typeof value === "string" ? value : JSON.stringify(value, null, 2),
  }));
  if (parts.length === 0) return [{ name: null, text: "{}" }];
  const [only] = parts;
  return parts.length === 1 && only ? [{ ...only, name: null }] : parts;
}

function WholeInput({ need, parts }: { need: Need; parts: readonly Part[] }) {
  const box = useRef<HTMLDivElement>(null);
  const isSeen = useSignal(true);
  const look = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    return scrollHeight - scrollTop - clientHeight < 4;
  };
  useLayoutEffect(() => {
    isSeen.value = look();
  }, [need.need_id]);
  const lines = parts.reduce((sum, { text }) => sum + text.replace(/\n$/, "").split("\n").length, 0);
  return (
    <div class="code">
      <section
        class="whole"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
        tabIndex={0}
        aria-label="Full input"
        onScroll={() => {
          if (look()) isSeen.value = true;
        }}
      >
        {parts.map(({ name, text }) => (
          <InputPart key={name} name={name} text={text} />
        ))}
      </section>
      <footer class="meta">
        <span class="mono">
          <Line>{need.cwd ?? ""}</Line>
        </span>
        <span>{isSeen.value ? `all ${counted(lines, "line")}` : `scroll: ${counted(lines, "line")}`}</span>
      </footer>
    </div>
  );
}

function InputPart({ name, text }: Part) {
  return (
    <>
      {name !== null && (
        <h4>
          <Line>{name}</Line>
        </h4>
      )}
      <pre>
        <Text exact>{text}</Text>
      </pre>
    </>
  );
}
