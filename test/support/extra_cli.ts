import { cli } from "../../src/client/cli.ts";
import { operations } from "../../src/operations/index.ts";
import { countWords } from "./extra_operation.ts";

await cli(process.argv.slice(2), [...operations, countWords]);
