import { expect, test } from "vitest";
import { type PooledSession, SessionPool, sessionKey } from "./session-pool.ts";

interface Probe extends PooledSession {
  isDisposed: boolean;
}

function probe(bytes: number): Probe {
  const session: Probe = {
    bytes,
    isDisposed: false,
    dispose: async () => {
      session.isDisposed = true;
    },
  };
  return session;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a session is made once and leased again", async () => {
  const pool = new SessionPool(100);
  let made = 0;
  const create = async () => probe(10 + made++);
  const [one, other] = await Promise.all([pool.lease("a", create), pool.lease("a", create)]);
  expect([made, one.session === other.session, pool.bytes]).toEqual([1, true, 10]);
});

test("beyond the limit the least recently used are disposed, and none under a lease", async () => {
  const pool = new SessionPool(25);
  const made: Probe[] = [];
  const create = (bytes: number) => async () => {
    const session = probe(bytes);
    made.push(session);
    return session;
  };
  const first = await pool.lease("a", create(10));
  (await pool.lease("b", create(10))).release();
  (await pool.lease("c", create(10))).release();
  await settled();
  expect(made.map(({ isDisposed }) => isDisposed)).toEqual([false, true, false]);
  (await pool.lease("d", create(30))).release();
  await settled();
  expect(made.map(({ isDisposed }) => isDisposed)).toEqual([false, true, true, true]);
  expect(pool.bytes).toBe(10);
  first.release();
  first.release(); // a second time does nothing
  expect([pool.size, made[0]?.isDisposed]).toEqual([1, false]);
});

test("a retired session ends with its last lease, and a later request makes another one", async () => {
  const pool = new SessionPool(100);
  const key = sessionKey(1, "decode", "");
  const [old, other] = [probe(1), probe(1)];
  const lease = await pool.lease(key, async () => old);
  const kept = await pool.lease(sessionKey(11, "decode", ""), async () => probe(1));
  await pool.retire(1);
  const later = await pool.lease(key, async () => other);
  expect([old.isDisposed, later.session === other, pool.size]).toEqual([false, true, 2]);
  lease.release();
  await settled();
  expect([old.isDisposed, other.isDisposed, kept.session.isDisposed]).toEqual([true, false, false]);
});

test("a session that cannot be made fails those that wait for it, and is tried again", async () => {
  const pool = new SessionPool(100);
  const create = () => Promise.reject(new Error("no memory"));
  const both = await Promise.allSettled([pool.lease("a", create), pool.lease("a", create)]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect((await pool.lease("a", async () => probe(1))).session.bytes).toBe(1);
});

test("disposal waits for leases, frees all, and refuses later requests", async () => {
  const pool = new SessionPool(100);
  const session = probe(1);
  const lease = await pool.lease("a", async () => session);
  const disposed = pool.dispose();
  await expect(pool.lease("a", async () => probe(1))).rejects.toMatchObject({
    code: "engine",
    message: "the model was disposed",
  });
  await settled();
  expect(session.isDisposed).toBe(false);
  lease.release();
  await disposed;
  expect([session.isDisposed, pool.size]).toEqual([true, 0]);
});
