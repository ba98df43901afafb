import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { plain } from "./characters.ts";
import { Icon, type IconName } from "./icons.tsx";
import { isLive } from "./state.ts";
import { Line, Refusal } from "./text.tsx";
import type { Problem } from "./types.ts";

interface RowProps {
  icon: IconName;
  /** Untrusted. */
  title: string;
  /** Right of the title. */
  since: string;
  soon?: boolean;
  more?: ComponentChildren;
  children: ComponentChildren;
}

export function Row({ icon, title, since, soon = false, more, children }: RowProps) {
  return (
    <li class={soon ? "soon" : undefined}>
      <Icon name={icon} />
      <div>
        <div class="t">
          <b title={plain(title)}>
            <Line>{title}</Line>
          </b>
          <span>{since}</span>
        </div>
        {more}
        {children}
      </div>
    </li>
  );
}

export type Of<Kind> = { problem: Extract<Problem, { kind: Kind }> };

/** A line with its buttons. A refusal stands under it. */
export function ProblemLine({
  why,
  children,
}: {
  why: ComponentChildren;
  children: (run: Run) => ComponentChildren;
}) {
  const problem = useSignal("");
  const run: Run = (work) => async () => {
    problem.value = "";
    await work().catch((error: Error) => {
      problem.value = error.message;
    });
  };
  return (
    <>
      <div class="ln">
        {why}
        {children(run)}
      </div>
      <Refusal>{problem.value}</Refusal>
    </>
  );
}

type Run = (work: () => Promise<unknown>) => () => Promise<void>;

export function Button({ label, about, onClick }: { label: string; about: string; onClick(): unknown }) {
  return (
    <button type="button" class="btn s" aria-label={about} disabled={!isLive.value} onClick={onClick}>
      {label}
    </button>
  );
}
