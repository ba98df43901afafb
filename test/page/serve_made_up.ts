// Serves the page with made-up data, to look at it and to make its pictures:
//   bun test/page/serve_made_up.ts [normal|many|none|shapes] [PORT]
import { gunzipSync } from "node:zlib";
import { pageFile } from "../../src/http/page/bundle.ts";
import type { Json } from "../../src/lib/json.ts";
import { type Made, MadeUpBus } from "./made_up_bus.ts";

const POLICY = [
  ...[
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
  ],
  ...[
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ],
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};

const FILES = {
  "/": "page.html",
  "/page/page.js": "main.tsx",
  "/page/page.css": "page.css",
  "/page/icon.svg": "icon.svg",
} as const;

/** A page on a free port. `stop` ends its streams too. */
export interface Served {
  bus: MadeUpBus;
  url: string;
  stop(): void;
  /** Ends all streams, as a bus that goes away. Requests fail until `back`. */
  away(): void;
  back(): void;
}

/** Bundled once for all servers of a process. */
const texts = new Map<string, string>();

function textOf(path: string): string | undefined {
  const name = Object.hasOwn(FILES, path) ? FILES[path as keyof typeof FILES] : undefined;
  if (name !== undefined && !texts.has(path))
    texts.set(path, gunzipSync(Buffer.from(pageFile(name), "base64")).toString());
  return texts.get(path);
}

export function serveMadeUp(made: Made = {}, port = 0): Served {
  const bus = new MadeUpBus(made);
  const streams = new Set<() => void>();
  let isAway = false;
  const server = Bun.serve({
    port,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const text = textOf(pathname);
      if (text !== undefined) return fileAnswer(pathname, text);
      if (isAway) return Response.error();
      if (pathname === "/api/stream") return streamAnswer(bus, request, streams);
      if (!pathname.startsWith("/api/")) return new Response("Not found", { status: 404 });
      return Response.json(bus.call(pathname.slice("/api/".length), (await request.json()) as Json));
    },
  });
  const away = () => {
    isAway = true;
    for (const end of streams) end();
  };
  return {
    bus,
    url: `http://127.0.0.1:${server.port}/`,
    away,
    back() {
      isAway = false;
    },
    stop() {
      away();
      void server.stop(true);
    },
  };
}

function fileAnswer(path: string, text: string): Response {
  const type = TYPES[path === "/" ? "html" : (path.split(".").at(-1) ?? "")] ?? "text/plain";
  return new Response(text, { headers: { "content-type": type, "content-security-policy": POLICY } });
}

function streamAnswer(bus: MadeUpBus, request: Request, streams: Set<() => void>): Response {
  const last = request.headers.get("last-event-id");
  let end = () => {};
  const body = new ReadableStream({
    start(controller) {
      const stop = bus.read(
        (name, data, id) =>
          controller.enqueue(
            `event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`,
          ),
        last === null ? undefined : Number(last),
      );
      const comments = setInterval(() => controller.enqueue(": \n\n"), 15_000);
      end = () => {
        stop();
        clearInterval(comments);
        streams.delete(end);
        controller.close();
      };
      streams.add(end);
      request.signal.addEventListener("abort", () => streams.has(end) && end());
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

if (import.meta.main) {
  const [kind = "normal", port = "0"] = process.argv.slice(2);
  const { url } = serveMadeUp(
    { needs: kind as NonNullable<Made["needs"]>, many: kind === "many" },
    Number(port),
  );
  console.log(url);
}
