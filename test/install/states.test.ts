// Each command's text is followed as a user would, until the bus runs.
import { testAdvice } from "./machine_states.ts";

testAdvice(["status", "start", "restart"]);
