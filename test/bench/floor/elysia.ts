// An Elysia server that does nothing: the memory below which no bus on it can go.
import { Elysia } from "elysia";

const app = new Elysia()
  .get("/health", () => ({ status: "ok" }))
  .listen({ port: Number(process.argv[2] ?? 0), hostname: "127.0.0.1", reusePort: false });
console.log(JSON.stringify({ port: app.server?.port }));
