import { operations } from "../../src/operations/index.ts";
import { type Said, sentencesOf } from "./collect.ts";

const MOST_WORDS = 25;

/** What no text for users may have, with what to write instead. The first two are about its start. */
const BANNED: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/^(It|They)\b/, "name the subject"],
  [/^(What|Whether|Whatever)\b(?!.*\?)/, "start with a verb or a noun phrase"],
  [/\b(whoever|somebody|someone|anybody|nobody)\b/i, "user, client, caller, receiver, agent or session"],
  [/(?<!\bthere )\bis no (?!longer)|\b(is|are) none\b/i, "is not a …, there is no …"],
  [/\b(so long|however (?:much|many|long))\b(?! as)/i, "up to N s"],
  [/; [a-z]+(?= )/, "two sentences"],
];

/** Names that only a tool call knows. A command's text uses the words of the shell. */
const TOOLS = operations.map(({ name }) => name).filter((name) => name.includes("_"));
const TOOL = new RegExp(`\\b(${TOOLS.join("|")})\\b`);

/** One line for each breach of a text, with the text. */
export function breachesOf({ path, line, text, ofCommand }: Said): string[] {
  const problems = BANNED.flatMap(([phrase, instead]) => {
    const found = phrase.exec(text)?.[0];
    return found === undefined ? [] : [`"${found}": ${instead}`];
  });
  if (sentencesOf(text).some((sentence) => wordsOf(sentence) > MOST_WORDS))
    problems.push(`a sentence of more than ${MOST_WORDS} words`);
  const tool = ofCommand ? TOOL.exec(text)?.[0] : undefined;
  if (tool !== undefined) problems.push(`"${tool}": the command instead of the tool`);
  return problems.map((problem) => `${path}:${line} ${problem}\n    ${text}`);
}

/** A word has a letter or a digit, or stands for a value. */
function wordsOf(sentence: string): number {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}…]/u.test(word)).length;
}
