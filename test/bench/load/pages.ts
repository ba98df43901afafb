/** Reads streams of the page until its stdin closes. */
export interface PagesJob {
  task: "pages";
  port: number;
  token: string;
  pages: number;
}

export async function pages({ port, token, pages: count }: PagesJob): Promise<{ held: number }> {
  const closing = new AbortController();
  const open = Array.from({ length: count }, async () => {
    const { body, status } = await fetch(`http://127.0.0.1:${port}/api/stream`, {
      headers: { authorization: `Bearer ${token}` },
      signal: closing.signal,
    });
    if (status !== 200 || body === null) throw new Error(`the stream was answered with ${status}`);
    return body.getReader();
  });
  const readers = await Promise.all(open);
  await Promise.all(readers.map((reader) => reader.read()));
  console.log("holding");
  for (const reader of readers) void readOn(reader);
  for await (const _ of Bun.stdin.stream());
  closing.abort();
  return { held: count };
}

async function readOn(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read().catch(() => ({ done: true }))).done);
}
