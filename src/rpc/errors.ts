/** No answer of a bus: nothing listens there, something else answers, or the time is up. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** The reason and the remedy, if a connection failed because of a certificate. `why` is the code of the error. */
export function certificateProblem({ host, port }: URL, why: string): [found: string, advice: string] | null {
  if (!UNTRUSTED.test(why)) return null;
  return [
    `The certificate of ${port === "" ? `${host}:443` : host} is not trusted by this machine (${why}).`,
    "Check the name in the URL. If the name is right, add the authority of the certificate to the system's store, or name its file in NODE_EXTRA_CA_CERTS.",
  ];
}

/** The system's code of an error of `fetch`. Empty if it has none. */
export function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return typeof code === "string" ? code : String(cause?.code ?? "");
}

/** The bus refused the call. */
export class Refused extends Error {
  /** HTTP status of the answer. */
  readonly status: number;
  readonly hint: string | undefined;
  constructor(message: string, status: number, hint?: string) {
    super(message);
    this.name = "Refused";
    this.status = status;
    this.hint = hint;
  }
}

/** An answer that was not read to its end. The message tells its size. */
export class Endless extends Error {
  override name = "Endless";
}

/** Why the program at a loopback URL is not trusted. */
export interface Told {
  found: string;
  advice: string;
  /** The value of AGENT_EVENT_BUS_BUS_USER that allows it. */
  user: string;
}

/** Another user's program, or one of an unknown user, listens at the bus's port. Nothing was sent to it. */
export class NotOurs extends Unreachable {
  override name = "NotOurs";
  readonly told: Told;
  constructor(told: Told) {
    super(`${told.found} ${told.advice}`);
    this.told = told;
  }
}
