// Parts of the packages that the bus never runs, a quarter of the program. Elysia needs them for uploads, cookies, queries and checks
// of declared routes. zod describes its schemas with them and looks for circles in values. The SDK checks what a person filled in, and
// runs tasks.
import { readFileSync } from "node:fs";
import type { BunPlugin } from "bun";

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

const SCHEMAS = "@modelcontextprotocol/sdk/dist/esm/types.js";

/** Wraps each schema of a module in a call without side effects, so that the bundler drops those that nothing uses. */
function droppable(module: string): string {
  return module.replace(
    /^((?:export )?const \w+Schema = )([\s\S]*?);\n(?![\s})\]])/gm,
    "$1/* @__PURE__ */ (() => $2)();\n",
  );
}

export const withoutUnused: BunPlugin = {
  name: "without unused",
  setup(build) {
    const files = Object.keys(LEFT_OUT).map((file) => file.replaceAll(".", "\\."));
    build.onLoad({ filter: new RegExp(`/node_modules/(?:${files.join("|")})$`) }, ({ path }) => ({
      contents: LEFT_OUT[path.replace(/.*\/node_modules\//, "")] ?? "",
      loader: "js",
    }));
    build.onLoad({ filter: new RegExp(`/node_modules/${SCHEMAS.replaceAll(".", "\\.")}$`) }, ({ path }) => ({
      contents: droppable(readFileSync(path, "utf8")),
      loader: "js",
    }));
  },
};
