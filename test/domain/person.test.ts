import { describe, expect, test } from "bun:test";
import { isPersonsName, isReserved } from "../../src/domain/person.ts";

/** Every character that Unicode TR39 takes for a letter of the name, as small or as capital letter. */
const CONFUSABLE = {
  h: "ｈℎ𝐡𝒉𝒽𝓱𝔥𝕙𝖍𝗁𝗵𝘩𝙝𝚑һհᏂＨℋℌℍ𝐇𝐻𝑯𝓗𝕳𝖧𝗛𝘏𝙃𝙷Η𝚮𝛨𝜢𝝜𝞖ⲎНᎻᕼꓧ𐋏",
  u: "𝐮𝑢𝒖𝓊𝓾𝔲𝕦𝖚𝗎𝘂𝘶𝙪𝚞ꞟᴜꭎꭒʋυ𝛖𝜐𝝊𝞄𝞾ս𐓶𑣘∪⋃𝐔𝑈𝑼𝒰𝓤𝔘𝕌𝖀𝖴𝗨𝘜𝙐𝚄Սሀ𐓎ᑌꓴ𖽂𑢸",
  m: "𝐦𝑚𝒎𝓂𝓶𝔪𝕞𝖒𝗆𝗺𝘮𝙢𝚖ⅿ𑣣𑜀ＭⅯℳ𝐌𝑀𝑴𝓜𝔐𝕄𝕸𝖬𝗠𝘔𝙈𝙼Μ𝚳𝛭𝜧𝝡𝞛ϺⲘМᎷᗰᛖꓟ𐊰𐌑",
  a: "⍺ａ𝐚𝑎𝒂𝒶𝓪𝔞𝕒𝖆𝖺𝗮𝘢𝙖𝚊ɑα𝛂𝛼𝜶𝝰𝞪аＡ𝐀𝐴𝑨𝒜𝓐𝔄𝔸𝕬𝖠𝗔𝘈𝘼𝙰Α𝚨𝛢𝜜𝝖𝞐АᎪᗅꓮ𖽀𐊠",
  n: "𝐧𝑛𝒏𝓃𝓷𝔫𝕟𝖓𝗇𝗻𝘯𝙣𝚗ոռＮℕ𝐍𝑁𝑵𝒩𝓝𝔑𝕹𝖭𝗡𝘕𝙉𝙽Ν𝚴𝛮𝜨𝝢𝞜Ⲛꓠ𐔓",
};

describe("the person's name", () => {
  test.each([
    ...["human", "HUMAN", "Human", " human ", "@human", "session:human", "session:@human"],
    ...[
      "human:anna",
      "@human:anna",
      "hurnan",
      "hu\u200bman",
      "h\u0301uman",
      "hümän",
      "ｈｕｍａｎ",
      "\u202ehuman",
    ],
  ])("is reserved as %j", (name) => {
    expect(isPersonsName(name)).toBe(true);
    expect(isReserved(name)).toBe(true);
  });

  test.each(Object.entries(CONFUSABLE))("is reserved with each look-alike of %s", (letter, others) => {
    for (const other of others)
      expect([other, isPersonsName("human".replace(letter, other))]).toEqual([other, true]);
  });

  test.each(["", "humane", "humans", "superhuman", "human-review", "human.ts", "hum", "api", "男"])(
    "is not %j",
    (name) => expect(isReserved(name)).toBe(false),
  );

  test.each(["anonymous", "agent-event-bus"])("the bus's own name %s is reserved too", (name) => {
    expect([isReserved(name), isPersonsName(name)]).toEqual([true, false]);
  });
});
