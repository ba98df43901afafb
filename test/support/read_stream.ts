// Reads a stream as a process of its own, because the bus looks for the process that asks. Prints the head in one line, then the body.
const [url = "", headers = "{}"] = process.argv.slice(2);
const response = await fetch(url, { headers: JSON.parse(headers) });
const head = {
  status: response.status,
  type: response.headers.get("content-type"),
  buffering: response.headers.get("x-accel-buffering"),
};
await Bun.write(Bun.stdout, `${JSON.stringify(head)}\n`);
const out = Bun.stdout.writer();
try {
  for await (const piece of response.body ?? []) {
    out.write(piece);
    await out.flush();
  }
} catch {
  // The bus is gone.
}
process.exit(0);

export {};
