import { contractOf } from "./contract/index.ts";

contractOf("binary");
