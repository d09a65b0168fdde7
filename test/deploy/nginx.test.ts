import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort, listening } from "../helpers/redis.ts";
import { post, started } from "../server/server.ts";

const hasNginx = spawnSync("nginx", ["-v"]).status === 0;
if (!hasNginx && process.env.LECTERN_REQUIRE_NGINX)
  throw new Error("nginx is missing, and LECTERN_REQUIRE_NGINX asks for it");
if (!hasNginx) console.warn("nginx is missing: tests of its sample are skipped (apt-get install nginx)");

const sample = new URL("../../deploy/nginx.conf", import.meta.url);

/** The sample configuration before two servers of this machine. */
async function startNginx(
  ports: readonly [number, number],
): Promise<{ readonly url: string; [Symbol.asyncDispose](): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-nginx-"));
  const port = await freePort();
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const text = (await readFile(sample, "utf8"))
    .replace("http {", `http {\n${places.join("\n")}`)
    .replace("lectern-1:8080", `127.0.0.1:${ports[0]}`)
    .replace("lectern-2:8080", `127.0.0.1:${ports[1]}`)
    .replace("listen 8080", `listen 127.0.0.1:${port}`);
  const file = join(folder, "nginx.conf");
  await writeFile(file, text);
  const log = join(folder, "error.log");
  const options = ["-p", folder, "-c", file, "-e", log, "-g", `daemon off; pid ${join(folder, "pid")};`];
  const nginx: ChildProcess = spawn("nginx", options, { stdio: "inherit" });
  await listening(port);
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(nginx, "close");
      nginx.kill("SIGTERM");
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}

/** A stand-in for a replica, with the number of requests that it got. */
async function replica(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{
  readonly port: number;
  count: number;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const state = { count: 0 };
  const server = createServer((request, response) => {
    state.count++;
    request.resume();
    request.on("end", () => answer(request, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return Object.assign(state, {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
}

const portOf = ({ url }: { readonly url: string }): number => Number(new URL(url).port);
const stories = { model: "stories", prompt: "Once upon a time", temperature: 0, max_tokens: 8 };

describe.skipIf(!hasNginx)("the sample for nginx", () => {
  test("two replicas share requests; one that drains is left out, and no request fails", async () => {
    await using first = await started({ models: ["stories"] });
    await using second = await started({ models: ["stories"] });
    await using nginx = await startNginx([portOf(first), portOf(second)]);
    const ask = () => post(`${nginx.url}/v1/completions`, stories);
    const alone = (await post(`${first.url}/v1/completions`, stories)).body.choices[0].text;
    const before = await Promise.all(Array.from({ length: 16 }, ask));
    expect(before.map(({ body }) => body.choices?.[0].text)).toEqual(Array(16).fill(alone));
    const shares = [first, second].map(({ logs }) => logs.filter(({ event }) => event === "request").length);
    expect(Math.min(...shares)).toBeGreaterThan(3);
    const running = Array.from({ length: 8 }, ask);
    const stopped = first.close();
    const during = await Promise.all([...running, ...Array.from({ length: 8 }, ask)]);
    await stopped;
    const after = await Promise.all(Array.from({ length: 4 }, ask));
    for (const { status, body } of [...during, ...after]) {
      expect(status, JSON.stringify(body)).toBe(200);
      expect(body.choices[0].text).toBe(alone);
    }
    expect((await fetch(`${nginx.url}/metrics`)).status).toBe(404);
  });

  test("a stream reaches the client as it is written", async () => {
    let go = (): void => {};
    const answer = (_: IncomingMessage, response: ServerResponse): void => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: first\n\n");
      go = () => response.end("data: last\n\n");
    };
    await using one = await replica(answer);
    await using other = await replica(answer);
    await using nginx = await startNginx([one.port, other.port]);
    const { body } = await fetch(`${nginx.url}/v1/completions`, { method: "POST", body: "{}" });
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe("data: first\n\n");
    go();
    expect(await next()).toBe("data: last\n\n");
  });

  test("503 and a broken connection go to the next replica, 429 to the client", async () => {
    await using bad = await replica((_, response) => response.writeHead(503).end());
    await using broken = await replica((request) => request.socket.destroy());
    await using good = await replica((_, response) => response.end("good"));
    await using full = await replica((_, response) => response.writeHead(429, { "retry-after": "2" }).end());
    const ask = async (url: string) => (await fetch(`${url}/v1/completions`, { method: "POST", body: "{}" })).status;
    for (const other of [bad, broken]) {
      await using nginx = await startNginx([other.port, good.port]);
      for (let i = 0; i < 4; i++) expect(await ask(nginx.url)).toBe(200);
      expect(other.count).toBeGreaterThan(0);
    }
    await using nginx = await startNginx([full.port, full.port]);
    expect(await ask(nginx.url)).toBe(429);
    expect(full.count).toBe(1);
  });
});
