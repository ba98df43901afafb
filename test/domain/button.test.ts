import { expect, test } from "bun:test";
import { BUTTON_MS, buttonSecret, isButtonOf, readButton } from "../../src/domain/button.ts";

const need = { need_id: 12, secret: "00112233445566778899aabbccddeeff" };
const NOW = 1_800_000_000_500;

test("a button says what it answers, and for how long", async () => {
  const secret = await buttonSecret(need, "allow", NOW);
  expect(secret).toMatch(/^12\.allow\.\d+\.[\w-]{43}$/);
  const expires = Math.floor((NOW + BUTTON_MS) / 1000);
  expect(readButton(secret)).toEqual({ needId: 12, what: "allow", expires });
  expect(await isButtonOf(need, secret)).toBe(true);
});

test("a secret of another need, key, answer or time is not its own", async () => {
  const secret = await buttonSecret(need, "deny", NOW);
  const [id, what, expires, mac = ""] = secret.split(".");
  const forged = [
    [id, "allow", expires, mac],
    [id, what, Number(expires) + 1, mac],
    [13, what, expires, mac],
    [id, what, expires, `${mac[0] === "A" ? "B" : "A"}${mac.slice(1)}`],
    [id, what, expires, "A".repeat(43)],
  ].map((parts) => parts.join("."));
  for (const one of forged) expect([one, await isButtonOf(need, one)]).toEqual([one, false]);
  expect(await isButtonOf({ ...need, secret: "ff".repeat(16) }, secret)).toBe(false);
  expect(await isButtonOf({ ...need, need_id: 13 }, secret)).toBe(false);
});

test.each([
  ["", "12", "12.allow", "12.allow.1800003600", "0.allow.1.", "12.maybe.1."],
  ["012.allow.1.", "-1.allow.1.", "12.allow.01.", "12.0.1.", "12.1000.1.", "12.allow.1e3."],
])("%p and the like are not secrets", (...texts) => {
  for (const text of texts)
    expect([text, readButton(text && `${text}${"A".repeat(43)}`)]).toEqual([text, null]);
  expect(readButton(`12.allow.1.${"A".repeat(44)}`)).toBe(null);
  expect(readButton(`12.allow.1.${"A".repeat(42)}=`)).toBe(null);
  expect(readButton(`12.allow.1.${"A".repeat(43)}\n`)).toBe(null);
});
