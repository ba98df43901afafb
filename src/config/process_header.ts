/** The header in which a command of a terminal names its process, so that the bus can tell the person from an agent. */
export const PROCESS_HEADER = "agent-event-bus-process";
