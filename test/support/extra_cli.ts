import { cli } from "../../src/cli/cli.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { operations } from "../../src/operations/index.ts";
import { countWords } from "./extra_operation.ts";

await cli(process.argv.slice(2), commandsOf([...operations, countWords]));
