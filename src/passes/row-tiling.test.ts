import { expect, test } from "vitest";
import { differentiate } from "../autodiff/index.ts";
import { Random } from "../common/index.ts";
import * as g from "../graph/index.ts";
import { lowerGraph } from "../lowering/lower-graph.ts";
import { createSession } from "../runtime/index.ts";
import { elementCount, type HostTensor } from "../tensor/index.ts";
import { tilingOf } from "./row-tiling.ts";

const tensor = (shape: number[], seed: number): HostTensor<"float32"> => {
  const random = new Random(seed);
  const length = elementCount(shape);
  return { dtype: "float32", shape, data: Float32Array.from({ length }, () => random.next() * 8 - 4) };
};

/** The gradient of Σ dy · f(x) by x. */
async function slope(f: (x: g.Value) => g.Value, x: HostTensor<"float32">, dy: HostTensor<"float32">) {
  const [input, weights] = [g.input("x", "float32", x.shape), g.input("dy", "float32", dy.shape)];
  const loss = g.reduceSum(
    g.mul(f(input), weights),
    x.shape.map((_, i) => i),
  );
  const { gradients } = differentiate({ loss }, [input]);
  const lowered = lowerGraph({ outputs: { dx: gradients[0] as g.Value }, bind: () => ({ kind: "input" }) });
  const session = await createSession(lowered);
  const { dx } = await session.run({ x, dy });
  await session.dispose();
  return { dx: dx?.data as Float32Array, scans: lowered.nodes.filter(({ type }) => type === "Scan").length };
}

test.each([
  ["gelu", g.gelu],
  ["geluTanh", g.geluTanh],
  ["silu", g.silu],
  ["quickGelu", g.quickGelu],
] as const)("the gradient of %s over a large tensor, block after block, has the bits of small pieces", async (_, f) => {
  const [rows, width, pieces] = [2100, 1024, 6];
  const [x, dy] = [tensor([2, rows / 2, width], 1), tensor([2, rows / 2, width], 2)];
  const whole = await slope(f, x, dy);
  expect(whole.scans).toBe(1);
  const size = (rows / pieces) * width;
  for (let piece = 0; piece < pieces; piece++) {
    const part = ({ data }: HostTensor<"float32">): HostTensor<"float32"> => ({
      dtype: "float32",
      shape: [rows / pieces, width],
      data: data.slice(piece * size, (piece + 1) * size),
    });
    const small = await slope(f, part(x), part(dy));
    expect(small.scans).toBe(0);
    expect(Buffer.compare(bytes(small.dx), bytes(whole.dx.subarray(piece * size, (piece + 1) * size)))).toBe(0);
  }
});

const bytes = (data: Float32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

test("only large tensors of one known shape are cut, into equal blocks", () => {
  const float = (...shape: (number | string)[]): g.TensorType => ({ dtype: "float32", shape });
  expect(tilingOf([float(12, 256, 1536), float(12, 256, 1536)])).toEqual({ blocks: 12, sizes: [256, 1536] });
  expect(tilingOf([float(32, 64, 1536)])).toEqual({ blocks: 8, sizes: [256, 1536] });
  expect(tilingOf([float(7, 303, 1024)])).toEqual({ blocks: 7, sizes: [303, 1024] });
  expect(tilingOf([float(12, 256, 384)]), "small").toBeUndefined();
  expect(tilingOf([float(2053, 1536)]), "a prime number of rows").toBeUndefined();
  expect(tilingOf([float(2, 1031, 1536)]), "none but tiny blocks").toBeUndefined();
  expect(tilingOf([float("B", 256, 1536)]), "an unknown size").toBeUndefined();
  expect(tilingOf([float(12, 256, 1536), float(1536)]), "two shapes").toBeUndefined();
});
