/** No answer of a bus: nothing listens there, something else answers, or the time is up. */
export class Unreachable extends Error {
  override name = "Unreachable";
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
