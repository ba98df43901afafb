import { ANONYMOUS, BUS_ITSELF } from "./event.ts";

/** Letters that look like those of PERSON (Unicode TR39, confusables), lower case, without marks. */
const LIKE = {
  h: "hһհꮒнηⲏꮋᕼꓧ𐋏",
  u: "uꞟᴜꭎꭒʋυս𐓶𑣘∪⋃ሀᑌꓴ𖽂𑢸",
  m: "m𑣣𑜀μϻⲙмꮇᗰᛖꓟ𐊰𐌑",
  a: "a⍺ɑαаꭺᗅꓮ𖽀𐊠",
  n: "nոռηνⲛꓠ𐔓нп",
};
const LOOKS_LIKE_PERSON = new RegExp(
  `^@?(session:@?)?[${LIKE.h}][${LIKE.u}]([${LIKE.m}]|rn)[${LIKE.a}][${LIKE.n}](:|$)`,
  "u",
);
const UNSEEN = /[\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}]/gu;

/** True for the person's names, and for what looks like one: `human` and `human:…`, with or without `@`. */
export function isPersonsName(name: string): boolean {
  return LOOKS_LIKE_PERSON.test(name.normalize("NFKD").replace(UNSEEN, "").toLowerCase().normalize("NFKD"));
}

/** True for names that no session may have: the person's, and the bus's own. */
export function isReserved(name: string): boolean {
  return name === ANONYMOUS || name === BUS_ITSELF || isPersonsName(name);
}

/** The name of a session that is called by its branch, its folder or its title, whatever that is. */
export function sessionName(name: string): string {
  return isReserved(name) ? `session-${name}` : name;
}

/** Says that a session may not have a name. */
export function reservedProblem(name: string): string {
  return `The name "${name}" is reserved for the user or the bus, or looks like a reserved one. Choose another.`;
}
