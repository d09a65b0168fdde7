import { expect, test } from "vitest";
import { instructionSets, ownInstructionSets } from "./processor.ts";

test.each([
  [
    "flags\t\t: fpu sse4_2 avx avx2 fma avx512f avx512bw avx512_vnni amx_tile amx_int8",
    ["AVX2", "AVX-512", "VNNI", "AMX"],
  ],
  ["flags\t\t: fpu sse4_2 avx avx2 avx_vnni", ["AVX2", "VNNI"]],
  ["flags\t\t: fpu sse4_2 avx", []],
  ["Features\t: fp asimd evtstrm asimddp sve i8mm", ["NEON", "dot product", "int8 matrix product", "SVE"]],
  ["machdep.cpu.features: FPU AVX1.0\nmachdep.cpu.leaf7_features: BMI1 AVX2", ["AVX2"]],
  ["AdvSIMD: 1\nFEAT_DotProd: 1\nFEAT_I8MM: 0", ["NEON", "dot product"]],
])("finds the instruction sets of %j", (flags, sets) => {
  expect(instructionSets(flags)).toEqual(sets);
});

test.skipIf(process.platform !== "linux")("reads those of this processor (on Linux alone)", async () => {
  expect(await ownInstructionSets()).toBeInstanceOf(Array);
});
