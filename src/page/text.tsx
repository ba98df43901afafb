import { lineOf, piecesOf } from "./characters.ts";

/** Untrusted text. Control and invisible characters are drawn, and unusual spaces if it has to be exact. */
export function Text({ children, exact = false }: { children: string; exact?: boolean }) {
  const pieces = piecesOf(children, exact);
  const [first] = pieces;
  if (pieces.length === 1 && first?.sign === undefined) return <>{first?.text}</>;
  return (
    <>
      {pieces.map(({ text, sign, name }) =>
        sign === undefined ? (
          text
        ) : (
          <span class={sign === "bad" ? "ctl bad" : "ctl"} title={name}>
            {text}
          </span>
        ),
      )}
    </>
  );
}

/** Untrusted text on one line. */
export function Line({ children }: { children: string }) {
  return <Text>{lineOf(children)}</Text>;
}

/** Why something was refused. Nothing if the text is empty. */
export function Refusal({ children }: { children: string }) {
  if (children === "") return null;
  return (
    <p class="problem" role="alert">
      <Text>{children}</Text>
    </p>
  );
}
