import { lowerGraph } from "../../src/lowering/index.ts";
import { inputLevels } from "../../src/lowering/kernels/quantized-linear.ts";
import { createSession } from "../../src/runtime/index.ts";

/** The levels on each side of 0 that int8 rounds inputs to on this machine: 127, or 63 where sums of products have 16 bits. */
export async function levelsOfInputs(): Promise<number> {
  const [level] = inputLevels;
  if (!level) throw new Error("int8 has no levels");
  const session = await createSession(lowerGraph({ outputs: { level }, bind: () => ({ kind: "input" }) }));
  const { data } = (await session.run({})).level as { data: ArrayLike<number> };
  await session.dispose();
  return Math.round(1 / (data[0] as number));
}
