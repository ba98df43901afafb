import { expect, test } from "bun:test";
import { isLoopback, isLoopbackUrl } from "../../src/lib/loopback.ts";

const HOSTS: [host: string, loopback: boolean][] = [
  ["127.0.0.1", true],
  ["127.255.255.254", true],
  ["::1", true],
  ["[::1]", true],
  ["0:0:0:0:0:0:0:1", true],
  ["::ffff:127.0.0.1", true],
  ["[::ffff:7f00:1]", true],
  ["localhost", true],
  ["LOCALHOST", true],
  ["localhost.", true],
  ["foo.localhost", true],
  ["127.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["127.0.0.256", false],
  ["127.0.0.-1", false],
  ["127.0.0", false],
  ["localhost.evil.example", false],
  ["notlocalhost", false],
  ["128.0.0.1", false],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["[::ffff:8.8.8.8]", false],
  ["::7f00:1", false],
  ["fe80::1%lo", false],
  ["", false],
];

test.each(HOSTS)("the host %j is loopback: %p", (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback);
});

const URLS: [url: string, loopback: boolean][] = [
  ["http://127.1:8080/mcp", true],
  ["http://2130706433/", true],
  ["http://localhost.:8080/mcp", true],
  ["http://[::ffff:127.0.0.1]:8080/mcp", true],
  ["http://127.0.0.1.:8080/mcp", true],
  ["http://foo.localhost/", true],
  ["http://0.0.0.0:8080/mcp", true],
  ["http://0/", true],
  ["http://[::]:8080/mcp", true],
  ["http://[::ffff:0.0.0.0]/", true],
  ["http://[::2]/", false],
  ["http://0.0.0.1/", false],
  ["http://127.0.0.1@evil.example/", false],
  ["http://evil.example/127.0.0.1", false],
  ["http://127.evil.example:8080/mcp", false],
  ["localhost://x", false],
  ["nonsense", false],
];

test.each(URLS)("the URL %j leads to this machine: %p", (url, loopback) => {
  expect(isLoopbackUrl(url)).toBe(loopback);
});
