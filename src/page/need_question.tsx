import { useSignal } from "@preact/signals";
import type { Question } from "../domain/need.ts";
import { lineOf, plain } from "./characters.ts";
import { answer } from "./need_state.ts";
import { OwnWords } from "./own_words.tsx";
import { isLive } from "./state.ts";
import { Text } from "./text.tsx";
import type { Need } from "./types.ts";

interface Props {
  need: Need;
  busy: boolean;
}

/** A question of an agent's client, or a form. */
export function QuestionNeed({ need, busy }: Props) {
  const [first, ...others] = need.questions ?? [];
  if (!need.answerable || first === undefined) return <InTerminal need={need} />;
  if (others.length > 0 || first.multiple)
    return <SeveralAnswers need={need} questions={[first, ...others]} busy={busy} />;
  return <OneAnswer need={need} question={first} busy={busy} />;
}

/** A dialog that only its terminal takes an answer to. */
function InTerminal({ need: { questions = [], text } }: { need: Need }) {
  const texts = questions.length > 0 ? questions.map(({ question }) => question) : [text];
  return (
    <>
      {texts.map((one) => (
        <p class="say" key={one}>
          <Text>{one}</Text>
        </p>
      ))}
      <div class="push" />
      <p class="meta">Answer it in its terminal.</p>
    </>
  );
}

function OneAnswer({ need, question: { question, options }, busy }: Props & { question: Question }) {
  const say = (words: string) =>
    answer(need, [words], `You answered ${plain(need.name)}: ${lineOf(words, 80)}`);
  return (
    <>
      <p class="say">
        <Text>{question}</Text>
      </p>
      <div class="push" />
      {options.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields, and these are buttons
        <div class="opts" role="group" aria-label="Answers">
          {options.map(({ label, description }, index) => (
            <button
              type="button"
              key={index}
              data-key={index + 1}
              disabled={busy || !isLive.value}
              onClick={() => say(label)}
            >
              {index < 9 && <kbd>{index + 1}</kbd>}
              <OptionText label={label} description={description} />
            </button>
          ))}
        </div>
      )}
      <OwnWords
        label={`Answer ${plain(need.name)} in your own words`}
        placeholder={options.length > 0 ? "Or in your own words" : "Answer"}
        busy={busy}
        onSend={say}
      />
    </>
  );
}

function OptionText({ label, description }: { label: string; description: string }) {
  return (
    <>
      <b>
        <Text>{label}</Text>
      </b>
      {description !== "" && description !== label && (
        <span>
          <Text>{description}</Text>
        </span>
      )}
    </>
  );
}

/** The answer to a question so far: chosen options by their index, or own words. */
interface Draft {
  chosen: ReadonlySet<number>;
  words: string;
}

const EMPTY: Draft = { chosen: new Set(), words: "" };

/** Several questions, or one with several answers. */
function SeveralAnswers({ need, questions, busy }: Props & { questions: readonly Question[] }) {
  const drafts = useSignal<readonly Draft[]>(questions.map(() => EMPTY));
  const texts = questions.map((question, index) => textOf(question, drafts.value[index] ?? EMPTY));
  const isReady = texts.every((text) => text !== "");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const said = questions.map((question, index) => wordsOf(question, drafts.value[index] ?? EMPTY));
        if (isReady)
          void answer(need, texts, `You answered ${plain(need.name)}: ${lineOf(said.join(" · "), 80)}`);
      }}
    >
      {questions.map((question, index) => (
        <Ask
          key={index}
          name={`need-${need.need_id}-${index}`}
          question={question}
          draft={drafts.value[index] ?? EMPTY}
          onChange={(draft) => {
            drafts.value = drafts.value.map((one, at) => (at === index ? draft : one));
          }}
        />
      ))}
      <div class="acts">
        <button type="submit" class="btn" disabled={busy || !isReady || !isLive.value}>
          Answer
        </button>
      </div>
    </form>
  );
}

/** Numbers for several options, because a label may hold a comma. */
function textOf({ options, multiple }: Question, { chosen, words }: Draft): string {
  if (words.trim() !== "") {
    const labels = [...chosen].sort((a, b) => a - b).map((index) => options[index]?.label ?? "");
    return multiple ? [...labels, words.trim()].join(", ") : words.trim();
  }
  const [only] = chosen;
  if (!multiple) return only === undefined ? "" : (options[only]?.label ?? "");
  return [...chosen]
    .sort((a, b) => a - b)
    .map((index) => index + 1)
    .join(", ");
}

function wordsOf({ options }: Question, { chosen, words }: Draft): string {
  const labels = [...chosen].sort((a, b) => a - b).map((index) => options[index]?.label ?? "");
  return [...labels, words.trim()].filter((text) => text !== "").join(", ");
}

interface AskProps {
  name: string;
  question: Question;
  draft: Draft;
  onChange(draft: Draft): void;
}

function Ask({ name, question: { question, options, multiple }, draft, onChange }: AskProps) {
  return (
    <fieldset class="ask">
      <legend class="say">
        <Text>{question}</Text>
      </legend>
      {options.length > 0 && (
        <div class="opts">
          {options.map(({ label, description }, index) => (
            <label key={index}>
              <input
                type={multiple ? "checkbox" : "radio"}
                name={name}
                data-key={index + 1}
                checked={draft.chosen.has(index)}
                onChange={() => onChange(toggled(draft, index, multiple))}
              />
              <OptionText label={label} description={description} />
            </label>
          ))}
        </div>
      )}
      <div class="field">
        <input
          aria-label={`In your own words: ${plain(lineOf(question, 80))}`}
          placeholder="Or in your own words"
          value={draft.words}
          onInput={({ currentTarget }) =>
            onChange({ chosen: multiple ? draft.chosen : new Set(), words: currentTarget.value })
          }
        />
      </div>
    </fieldset>
  );
}

function toggled({ chosen, words }: Draft, index: number, multiple: boolean): Draft {
  if (!multiple) return { chosen: new Set([index]), words: "" };
  const next = new Set(chosen);
  if (!next.delete(index)) next.add(index);
  return { chosen: next, words };
}
