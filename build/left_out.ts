// Parts of the packages that the bus never runs, a quarter of the program. Elysia checks uploads and declared routes with
// them, zod describes its schemas, the SDK checks what a person filled in; the bus declares and asks for none of it.
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
  "elysia/dist/dynamic-handle.mjs": silent("createDynamicErrorHandler", "createDynamicHandler"),
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
  "elysia/dist/type-system/index.mjs": "export const t = { Module: () => ({}) };",
  "elysia/dist/type-system/utils.mjs": silent("fileType", "validationDetail"),
  "file-type/index.js": "",
  "@modelcontextprotocol/sdk/dist/esm/validation/ajv-provider.js": named("AjvJsonSchemaValidator"),
  "zod/v4/core/json-schema-generator.js": named("JSONSchemaGenerator"),
  "zod/v4/core/json-schema-processors.js": silent("toJSONSchema"),
  "zod/v4/core/to-json-schema.js": silent("createStandardJSONSchemaMethod", "createToJSONSchemaMethod"),
};

export const withoutUnused: BunPlugin = {
  name: "without unused",
  setup(build) {
    const files = Object.keys(LEFT_OUT).map((file) => file.replaceAll(".", "\\."));
    build.onLoad({ filter: new RegExp(`/node_modules/(?:${files.join("|")})$`) }, ({ path }) => ({
      contents: LEFT_OUT[path.replace(/.*\/node_modules\//, "")] ?? "",
      loader: "js",
    }));
  },
};
