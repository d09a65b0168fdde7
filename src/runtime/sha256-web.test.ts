import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { Sha256 } from "./sha256-web.ts";

test("the digest of any length, in any pieces, is Node's", () => {
  const random = new Random(1);
  for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 4096]) {
    const bytes = Uint8Array.from({ length }, () => random.nextInt(256));
    const own = new Sha256();
    for (let at = 0; at < length; ) {
      const next = Math.min(length, at + random.nextInt(150));
      own.update(bytes.subarray(at, next));
      at = next;
    }
    expect(own.hex()).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});
