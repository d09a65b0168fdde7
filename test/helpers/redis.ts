import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** True if Redis can be started; CI has it, and says so. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;
if (!hasRedis && process.env.LECTERN_REQUIRE_REDIS)
  throw new Error("redis-server is missing, and LECTERN_REQUIRE_REDIS asks for it");
if (!hasRedis) console.warn("redis-server is missing: tests of batches are skipped (apt-get install redis-server)");

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves once something listens on a port. */
export async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await pause(20);
  }
}

/** A Redis of its own that writes every command to disk before it answers. */
export interface TestRedis {
  readonly url: string;
  /** Ends it as a crash does, and starts it again on what it wrote. @param after how long, in milliseconds */
  restart(after: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-redis-"));
  const port = await freePort();
  const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, ...durable], {
      stdio: "ignore",
    });
    await listening(port);
  };
  const kill = async (): Promise<void> => {
    const closed = once(server, "close");
    server.kill("SIGKILL");
    await closed;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    restart: async (after) => {
      await kill();
      await pause(after);
      await start();
    },
    [Symbol.asyncDispose]: async () => {
      await kill();
      await rm(folder, { recursive: true });
    },
  };
}
