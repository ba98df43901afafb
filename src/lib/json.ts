/** A JSON object whose fields are not known. */
export type Json = Record<string, unknown>;
