import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { HostTensor } from "../tensor/index.ts";
import type { EngineApi } from "./c-api-node.ts";
import { createDeviceSession } from "./device-session-node.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** The address of every tensor on the device: the engine gives a freed address again. */
const ADDRESS = 64n;

test("memory that is collected after its tensor was freed frees no tensor that has the address since", async () => {
  let freed = 0;
  const api = {
    memory: 1n,
    allocator: 2n,
    environment: 3n,
    create: () => 4n,
    call: (name: string) => {
      if (name === "ReleaseValue") freed++;
    },
    pointers: () => [ADDRESS],
  } as unknown as EngineApi;
  const settings = { entries: {}, options: {}, release: (call: () => void) => call() };
  const session = createDeviceSession(api, { bytes: new Uint8Array(1), outputs: ["cache"] }, settings);
  const place = (): HostTensor => ({ dtype: "float32", shape: [1], data: new Float32Array(1) });
  const collected: string[] = [];
  const seen = new FinalizationRegistry<string>((name) => collected.push(name));
  await (async () => {
    const first = place();
    seen.register(first.data, "first");
    await session.run({}, { cache: first });
  })();
  session.forget();
  expect(freed).toBe(1);
  const second = place();
  await session.run({}, { cache: second });
  for (let i = 0; i < 50 && collected.length === 0; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(collected).toEqual(["first"]);
  expect(freed).toBe(1);
  await session.dispose();
  expect(freed).toBe(2);
  expect(second.data).toHaveLength(1);
});
