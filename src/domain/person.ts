/** The person as a sender and a recipient: `@human`. */
export const PERSON = "human";

/** The channel of what is meant for the person. */
export const PERSON_CHANNEL = `session:${PERSON}`;
