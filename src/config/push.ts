import { ConfigError } from "./parse_settings.ts";
import { VARIABLES } from "./variables.ts";

/** A topic of an ntfy server, where the user's phone listens. */
export interface Topic {
  /** Scheme, host and port of the server. */
  server: string;
  name: string;
  /** Value of the Authorization header. Null if everybody may read the topic. */
  authorization: string | null;
}

export interface PushConfig {
  topics: readonly Topic[];
  /** The URL of the bus as the phone sees it, without a final slash. Null if it cannot reach the bus. */
  publicUrl: string | null;
  /** The input of a permission is pushed too. */
  detail: boolean;
}

const TOPICS = VARIABLES.push.name;
const PUBLIC = VARIABLES.publicUrl.name;
const MOST_TOPICS = 10;
/** Three buttons with this URL fit into a push. */
const MOST_CHARACTERS = 300;

/** The topics of a comma-separated list of URLs. @throws ConfigError that shows nothing of them, because a topic is a secret. */
export function topicsOf(text = ""): Topic[] {
  const urls = text
    .split(",")
    .map((url) => url.trim())
    .filter(Boolean);
  if (urls.length > MOST_TOPICS) throw new ConfigError(`${TOPICS} takes up to ${MOST_TOPICS} topics.`);
  return urls.map(topicOf);
}

function topicOf(text: string, index: number): Topic {
  const wrong = (why: string) =>
    new ConfigError(
      `${TOPICS}: topic ${index + 1} ${why}. Write https://ntfy.example.com/my-topic, with user:password@ or an access token and @ before the host.`,
    );
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw wrong("is not an http or https URL");
  if (url.port === "0") throw wrong("has the port 0, at which nothing can be reached");
  const name = url.pathname.replace(/^\/|\/$/g, "");
  if (!/^[-_A-Za-z0-9]{1,64}$/.test(name))
    throw wrong("needs one name after the host, of up to 64 letters, digits, - and _");
  if (url.hash !== "") throw wrong("has a # in it");
  const authorization = authorizationOf(url);
  if (authorization === undefined) throw wrong("has a user, password or token that cannot be understood");
  return { server: url.origin, name, authorization };
}

const ACCESS_TOKEN = /^tk_[A-Za-z0-9]+$/;

/** From `user:password@`, `TOKEN@`, `:TOKEN@` or ntfy's own `?auth=`. Undefined if there is something else. */
function authorizationOf({ username, password, search, searchParams }: URL): string | null | undefined {
  const others = [...searchParams.keys()].filter((key) => key !== "auth");
  if (others.length > 0) return undefined;
  if (search !== "") return username + password === "" ? headerIn(searchParams.get("auth") ?? "") : undefined;
  if (username + password === "") return null;
  const user = decoded(username);
  const secret = decoded(password);
  if (user === undefined || secret === undefined) return undefined;
  if (ACCESS_TOKEN.test(user) && secret === "") return `Bearer ${user}`;
  if (user === "" && ACCESS_TOKEN.test(secret)) return `Bearer ${secret}`;
  if (user === "" || secret === "" || user.includes(":")) return undefined;
  return `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
}

function headerIn(base64: string): string | undefined {
  const header = Buffer.from(base64, "base64").toString();
  return /^(Basic|Bearer) [\x21-\x7e]+$/.test(header) ? header : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** @throws ConfigError when it is not a plain URL. */
export function publicUrlOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new ConfigError(
      `${PUBLIC} must be an http or https URL, like https://my-server.my-tailnet.ts.net.`,
    );
  if (url.username + url.password + url.search + url.hash !== "")
    throw new ConfigError(`${PUBLIC} takes a URL without a user, a password, ? and #.`);
  if (url.port === "0") throw new ConfigError(`${PUBLIC} has the port 0, at which nothing can be reached.`);
  const plain = url.href.replace(/\/$/, "").replace(/\/mcp$/, "");
  if (plain.length > MOST_CHARACTERS)
    throw new ConfigError(`${PUBLIC} takes a URL of up to ${MOST_CHARACTERS} characters.`);
  return plain;
}
