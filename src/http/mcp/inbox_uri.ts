const INBOX = "agent-event-bus://inbox/";

/** The template of the messages that a session has not seen. */
export const INBOX_TEMPLATE = {
  uriTemplate: `${INBOX}{session_id}`,
  name: "inbox",
  description: "Direct messages that a session has not seen. Reading leaves them unseen",
  mimeType: "application/json",
};

/** The session whose inbox a URI names. Undefined for any other URI. */
export function inboxSession(uri: string): string | undefined {
  if (!uri.startsWith(INBOX)) return undefined;
  try {
    return decodeURIComponent(uri.slice(INBOX.length)) || undefined;
  } catch {
    return undefined;
  }
}
