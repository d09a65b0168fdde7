import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { events, get, post, started } from "./server.ts";

const stories = { model: "stories", prompt: "Once upon a time", temperature: 0 };

/** A connection, with what the server wrote to it so far. */
async function open(url: string): Promise<{ readonly socket: Socket; readonly text: () => string }> {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return { socket, text: () => text };
}

function request(body: string, headers: readonly string[] = []): string {
  const lines = ["POST /v1/completions HTTP/1.1", "Host: localhost", "Content-Type: application/json", ...headers];
  return `${[...lines, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n")}`;
}

describe("clients that misbehave", () => {
  test("half-closed, cut off and malformed connections leave the server as it was", async () => {
    await using server = await started({ models: ["stories"] });
    const whole = request(JSON.stringify({ ...stories, max_tokens: 4 }));
    const half = await open(server.url);
    half.socket.end(whole); // a client that closes its side is taken for one that is gone
    await once(half.socket, "close");
    const cut = await open(server.url);
    cut.socket.write(whole.slice(0, -10));
    await pause(50);
    cut.socket.destroy();
    for (const garbage of ["\u0016\u0003\u0001\u0002\u0000", "GET\r\n\r\n", whole.replace("HTTP/1.1", "HTTP/9.9")]) {
      const bad = await open(server.url);
      bad.socket.end(garbage);
      await once(bad.socket, "close");
      expect(bad.text()).toMatch(/^HTTP\/1.1 (400|505)/);
    }
    expect((await post(`${server.url}/v1/completions`, { ...stories, max_tokens: 1 })).status).toBe(200);
    expect(server.logs.filter(({ event }) => event === "failure")).toEqual([]);
  });

  test("a slow reader gets its whole stream, and others do not wait for it", async () => {
    await using server = await started({ models: ["stories"] });
    const body = { ...stories, max_tokens: 40, stream: true, logprobs: 2 };
    const expected = await events(`${server.url}/v1/completions`, body);
    const slow = await open(server.url);
    slow.socket.pause();
    slow.socket.write(request(JSON.stringify(body), ["Connection: close"]));
    await pause(50);
    expect((await post(`${server.url}/v1/completions`, { ...stories, max_tokens: 2 })).status).toBe(200);
    slow.socket.resume();
    await once(slow.socket, "end");
    const count = slow.text().split("data: {").length - 1;
    expect(count).toBe(expected.length);
    slow.socket.end();
  });

  test("bodies that are too large, too deep, or no UTF-8 are refused", async () => {
    await using server = await started({ models: ["stories"], limits: { bodyBytes: 10_000 } });
    const url = `${server.url}/v1/completions`;
    expect((await post(url, { ...stories, prompt: "x".repeat(20_000) })).status).toBe(413);
    const chunked = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new ReadableStream({
        start: (controller) => {
          for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(1000).fill(0x20));
          controller.close();
        },
      }),
      duplex: "half",
    } as RequestInit);
    expect(chunked.status).toBe(413);
    for (const deep of ["[".repeat(9000), '{"a":'.repeat(1500)])
      expect(await post(url, deep)).toMatchObject({ status: 400, body: { error: { code: "invalid_json" } } });
    const bytes = Buffer.from(JSON.stringify({ ...stories, max_tokens: 1, prompt: "~" }));
    bytes[bytes.indexOf("~")] = 0xff;
    const headers = { "content-type": "application/json" };
    expect([200, 400]).toContain((await fetch(url, { method: "POST", headers, body: bytes })).status);
    expect((await get(`${server.url}/health`)).status).toBe(200);
  });
});
