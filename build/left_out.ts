// Parts of the packages that the bus never runs, a quarter of the program. Elysia needs them for uploads, cookies, queries and checks
// of declared routes. zod describes its schemas with them and looks for circles in values. The SDK checks what a person filled in, and
// runs tasks.
import { readFileSync } from "node:fs";
import type { BunPlugin, PluginBuilder } from "bun";

/** A module whose exports are functions that return nothing. */
const silent = (...names: string[]) => names.map((name) => `export function ${name}() {}`).join("\n");
/** A module whose exports are there to be named and compared with, and are never called. */
const named = (...names: string[]) => names.map((name) => `export class ${name} {}`).join("\n");

/** Files of packages, and what stands in their place. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "@sinclair/typebox/build/esm/index.mjs": named("Kind", "OptionalKind", "TransformKind", "TypeBoxError"),
  "@sinclair/typebox/build/esm/system/index.mjs": named("TypeSystemPolicy"),
  "@sinclair/typebox/build/esm/value/index.mjs": named("TransformDecodeError", "Value"),
  "elysia/dist/adapter/web-standard/handler.mjs": silent(
    "createStaticHandler",
    "errorToResponse",
    "mapCompactResponse",
    "mapEarlyResponse",
    "mapResponse",
  ),
  "elysia/dist/cookies.mjs": `${named("Cookie")}\n${silent("createCookieJar", "parseCookie", "serializeCookie")}`,
  "elysia/dist/dynamic-handle.mjs": silent("createDynamicErrorHandler", "createDynamicHandler"),
  "elysia/dist/parse-query.mjs": silent("parseQuery", "parseQueryFromURL", "parseQueryStandardSchema"),
  "elysia/dist/replace-schema.mjs": silent(
    "coerceFormData",
    "coercePrimitiveRoot",
    "queryCoercions",
    "replaceSchemaTypeFromManyOptions",
    "stringToStructureCoercions",
  ),
  "elysia/dist/schema.mjs": silent(
    "getCookieValidator",
    "getResponseSchemaValidator",
    "getSchemaProperties",
    "getSchemaValidator",
    "hasElysiaMeta",
    "hasType",
    "isUnion",
    "resolveSchema",
    "unwrapImportSchema",
  ),
  "elysia/dist/trace.mjs": `export const ELYSIA_TRACE = Symbol();\n${silent("createTracer")}`,
  "elysia/dist/type-system/index.mjs": "export const t = { Module: () => ({}) };",
  "elysia/dist/type-system/utils.mjs": silent("fileType", "validationDetail"),
  "file-type/index.js": "",
  "pg-types/lib/binaryParsers.js": silent("init"),
  "pg/lib/native/index.js": "",
  "@modelcontextprotocol/sdk/dist/esm/experimental/tasks/helpers.js": silent(
    "assertClientRequestTaskCapability",
    "assertToolsCallTaskCapability",
  ),
  "@modelcontextprotocol/sdk/dist/esm/experimental/tasks/server.js": named("ExperimentalServerTasks"),
  "@modelcontextprotocol/sdk/dist/esm/validation/ajv-provider.js": named("AjvJsonSchemaValidator"),
  "zod/v4/core/json-schema-generator.js": named("JSONSchemaGenerator"),
  "zod/v4/core/json-schema-processors.js": silent("toJSONSchema"),
  "zod/v4/core/memoizer.js": `${named("$ZodCyclicError")}\n${silent("isBackEdge", "isRecursiveSchema", "memoizer")}`,
  "zod/v4/core/to-json-schema.js": silent("createStandardJSONSchemaMethod", "createToJSONSchemaMethod"),
};

/** Left out of the executable too. `Bun.serve` calls the app there, whose requests never get past the first wrapper. */
const BY_BUN: typeof LEFT_OUT = {
  "elysia/dist/index.mjs": `export class Elysia {
    wrap(wrapper) {
      this.fetch = (request) => wrapper(undefined, request)(request);
      return this;
    }
  }`,
};

type Change = (module: string) => string;

const SDK = "@modelcontextprotocol/sdk/dist/esm";

/**
 * Files of packages that lose parts. The bus uses a few of zod's methods. The SDK's server could check calls of tools, run tasks, ask
 * its clients and notify them.
 */
const CHANGED: Readonly<Record<string, Change>> = {
  [`${SDK}/types.js`]: droppable,
  [`${SDK}/server/index.js`]: without(
    "if \\(method === 'tools/call'\\)",
    ...methods(`createElicitationCompletionNotifier createMessage elicitInput listRoots ping sendLoggingMessage
      sendPromptListChanged sendResourceListChanged sendResourceUpdated sendToolListChanged`),
  ),
  [`${SDK}/shared/protocol.js`]: without(
    "if \\(this\\._taskStore\\)",
    ...methods(`_clearTaskQueue _enqueueTaskMessage _onnotification _onprogress _onresponse _resetTimeout _setupTimeout
      _waitForTaskUpdate cancelTask getTask getTaskResult listTasks notification request requestStream requestTaskStore`),
  ),
  "zod/v4/classic/schemas.js": without(
    ...methods(`and array base64 base64url brand catch catchall cidrv4 cidrv6 cuid cuid2 date datetime default describe duration
      e164 email emoji endsWith exactOptional exactPartial finite gt gte guid includes ipv4 ipv6 isNullable isOptional jwt keyof ksuid
      length lowercase lt lte merge meta multipleOf nanoid negative nonempty nonnegative nonoptional nonpositive normalize nullable
      nullish omit or partial passthrough pick pipe positive prefault properties readonly refine regex register required rest safe
      safeDecode safeEncode safeExtend slugify startsWith step strip superRefine time toJSONSchema toLowerCase toUpperCase trim ulid
      unwrap uppercase url uuid uuidv4 uuidv6 uuidv7 validate validateAsync with xid`),
  ),
};

/** Wraps each schema of a module in a call without side effects, so that the bundler drops those that nothing uses. */
function droppable(module: string): string {
  return module.replace(
    /^((?:export )?const \w+Schema = )([\s\S]*?);\n(?![\s})\]])/gm,
    "$1/* @__PURE__ */ (() => $2)();\n",
  );
}

/** How methods of these names begin. */
function methods(names: string): string[] {
  return names.split(/\s+/).map((name) => `(?:async )?\\*?${name}\\(.*\\)`);
}

/** Takes blocks out of a module, by how they begin. */
function without(...heads: string[]): Change {
  const blocks = new RegExp(`^( +)(?:${heads.join("|")}) \\{\n[\\s\\S]*?\n\\1\\},?\n`, "gm");
  return (module) => module.replace(blocks, "");
}

/** Builtins of the runtime that few commands use. If the bundler sees them imported, it brings along 1 MB of their bytecode. */
const BUILTINS = "(?:node:)?(?:child_process|dgram|dns(?:/promises)?|https?|net|tls|zlib)";
const IMPORTED = new RegExp(`^import \\{([^}]*)\\} from "(${BUILTINS})";$`, "gm");
const LOADED = new RegExp(`\\b(?:require|import)\\((["']${BUILTINS}["'])\\)`, "g");

/** Asks the runtime for these builtins when the module runs. */
function withLateBuiltins(module: string): string {
  return module
    .replace(IMPORTED, (_, names: string, builtin: string) => {
      const values = names.replace(/\btype \w+,?/g, "").replaceAll(" as ", ": ");
      return `const {${values}} = process.getBuiltinModule("${builtin}");`;
    })
    .replace(LOADED, "process.getBuiltinModule($1)");
}

export const withoutUnused: BunPlugin = {
  name: "without unused",
  setup(build) {
    replace(build, LEFT_OUT);
    for (const [file, change] of Object.entries(CHANGED)) changeThose(build, ofPackages([file]), change);
  },
};

/** For the executable, beside `withoutUnused`. */
export const slim: BunPlugin = {
  name: "slim",
  setup(build) {
    replace(build, BY_BUN);
    changeThose(build, /\/src\/.*\.ts$|\/node_modules\/pg(?:-[a-z-]+)?\/.*\.js$/, withLateBuiltins);
  },
};

function ofPackages(files: readonly string[]): RegExp {
  return new RegExp(`/node_modules/(?:${files.join("|").replaceAll(".", "\\.")})$`);
}

function replace(build: PluginBuilder, files: typeof LEFT_OUT): void {
  build.onLoad({ filter: ofPackages(Object.keys(files)) }, ({ path }) => ({
    contents: files[path.replace(/.*\/node_modules\//, "")] ?? "",
    loader: "js",
  }));
}

function changeThose(build: PluginBuilder, filter: RegExp, change: Change): void {
  build.onLoad({ filter }, ({ path, loader }) => ({ contents: change(readFileSync(path, "utf8")), loader }));
}
