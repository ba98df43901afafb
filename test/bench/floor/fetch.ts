// The smallest program that does what a hook does: reads its stdin, posts a body, reads the answer as JSON.
const [url = "", body = ""] = process.argv.slice(2);
await Bun.stdin.text();
const headers = { "content-type": "application/json" };
const response = await fetch(url, { method: "POST", headers, body, proxy: "" });
await response.json();

export {};
