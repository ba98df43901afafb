const ADJECTIVES =
  "able agile airy amber ample ardent azure bold brave breezy bright brisk calm candid chatty cheery civil clever cobalt cosy crimson daring deft eager earnest easy fair fleet fond frank gentle glad golden happy hardy honest jade jolly keen kind lively lucid lucky mellow merry mighty nimble noble olive patient plucky polite proud quick quiet rapid ready rosy sage sandy silver smart snappy solid spry steady sunny swift tidy tough trusty vivid warm wise witty zesty".split(
    " ",
  );
const DINOSAURS =
  "allo anky apato archa bary brachi bronto camara carno centro cera coelo compy dacentru deino diabl dilo diplo drome edmonto euoplo galli giga gorgo hadro herrera hypsi igua kentro lambeo maia mega micro mono moro nano nodo orni oura ovi pachy para pinaco plateo poly proto psitta ptera raptor rex sauro segno spino stego struthio sucho tarbo theri titano torvo trex trice troo tyranno utah veloci yang zuni".split(
    " ",
  );

/**
 * Picks a name for people to read, like `brave-trex`, for which `taken` is false. Falls back to a numbered name after
 * eight taken ones, so it always returns.
 */
export function pickDisplayId(taken: (name: string) => boolean, random: () => number = Math.random): string {
  const pick = (words: string[]) => words[Math.floor(random() * words.length)] ?? "brave";
  let name = `${pick(ADJECTIVES)}-${pick(DINOSAURS)}`;
  for (let tries = 0; tries < 8 && taken(name); tries++) name = `${pick(ADJECTIVES)}-${pick(DINOSAURS)}`;
  const base = name;
  for (let number = 2; taken(name); number++) name = `${base}-${number}`;
  return name;
}
