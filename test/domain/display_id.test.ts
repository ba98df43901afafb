import { expect, test } from "bun:test";
import { pickDisplayId } from "../../src/domain/display_id.ts";

test("a name is an adjective and a dinosaur in plain lower case", () => {
  for (let i = 0; i < 500; i++) expect(pickDisplayId(() => false)).toMatch(/^[a-z]+-[a-z]+$/);
});

test("two thousand names are all different", () => {
  const taken = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const name = pickDisplayId((candidate) => taken.has(candidate));
    expect(taken.has(name)).toBe(false);
    taken.add(name);
  }
});

test("when every plain name is taken, a number makes it free", () => {
  expect(pickDisplayId((name) => /^[a-z]+-[a-z]+$/.test(name))).toMatch(/^[a-z]+-[a-z]+-2$/);
  expect(pickDisplayId((name) => !name.endsWith("-57"))).toMatch(/^[a-z]+-[a-z]+-57$/);
});

test("it returns also where chance gives the same name again and again", () => {
  const taken = new Set<string>();
  for (let i = 0; i < 20; i++)
    taken.add(
      pickDisplayId(
        (name) => taken.has(name),
        () => 0,
      ),
    );
  expect(taken.size).toBe(20);
});

test("chance at its ends names nothing undefined", () => {
  for (const chance of [0, 0.5, 0.999_999_999])
    expect(
      pickDisplayId(
        () => false,
        () => chance,
      ),
    ).toMatch(/^[a-z]+-[a-z]+$/);
});
