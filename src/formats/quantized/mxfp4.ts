import { ownEntry } from "../../common/index.ts";
import type { Grid } from "./grid.ts";
import { formOf } from "./grid.ts";
import type { Layer, PartReader } from "./reader.ts";

/** Twice the values of 4-bit floats (two bits of exponent, one of mantissa), without their sign. */
const DOUBLED = [0, 1, 2, 3, 4, 6, 8, 12];

/** Values that share a scale, and what is taken from a stored exponent. */
const [BLOCK, BIAS] = [32, 127];

/** The layers whose outputs a tensor holds: of gate and up, they take turns. */
const outputsOf: Readonly<Record<string, readonly string[]>> = {
  gate_up_proj: ["gate_proj", "up_proj"],
  down_proj: ["down_proj"],
};

/**
 * Experts in 4-bit floats with a power of two for each 32 (OCP Microscaling Formats, 2023), as gpt-oss stores them:
 * `experts.gate_up_proj_blocks` `[N, O, I / 32, 16]` and `experts.gate_up_proj_scales` `[N, O, I / 32]`. Levels are twice the
 * values, so that they are whole numbers.
 */
export function mxfp4Layers(reader: PartReader): Layer[] {
  return reader.pathsWith("_blocks").flatMap((path) => {
    const [, place, name = ""] = /^(.*)\.(\w+)$/.exec(path) ?? [];
    const outputs = ownEntry(outputsOf, name);
    if (!outputs) throw reader.refused(`${path}_blocks: of MXFP4, experts' gate_up_proj and down_proj are read`);
    const [blocks, scales] = [`${path}_blocks`, `${path}_scales`];
    const { shape } = reader.info(blocks);
    const [count = 0, rows = 0, groups = 0] = shape;
    reader.expect(blocks, [count, rows, groups, BLOCK / 2], "uint8");
    reader.expect(scales, [count, rows, groups], "uint8");
    if (rows % outputs.length !== 0)
      throw reader.refused(`${blocks}: ${rows} rows are not those of ${outputs.join(" and ")}`);
    const sizes = [rows / outputs.length, groups * BLOCK] as const;
    const expert = (index: number): Layer[] =>
      outputs.map((output, turn) => ({
        path: `${place}.${index}.${output}`,
        sizes,
        parts: [blocks, scales],
        content: {
          form: formOf(8, BLOCK),
          async grid(): Promise<Grid> {
            const [codes, exponents] = (await Promise.all(
              [blocks, scales].map((part) => reader.rows(part, index, index + 1)),
            )) as [Float32Array, Float32Array];
            return gridOf(sizes, codes, exponents, { step: outputs.length, turn });
          },
        },
      }));
    return Array.from({ length: count }, (_, i) => expert(i)).flat();
  });
}

/** Every `step`-th row of an expert's codes, two a byte, and of its exponents. */
function gridOf(
  sizes: readonly [outSize: number, inSize: number],
  codes: Float32Array,
  exponents: Float32Array,
  { step, turn }: { readonly step: number; readonly turn: number },
): Grid {
  const [outSize, inSize] = sizes;
  const groups = inSize / BLOCK;
  const levels = new Uint8Array(outSize * inSize);
  const scales = new Float32Array(outSize * groups);
  for (let row = 0, at = 0; row < outSize; row++) {
    const own = row * step + turn;
    for (let i = 0; i < inSize / 2; i++) {
      const byte = codes[(own * inSize) / 2 + i] as number;
      for (const code of [byte & 15, byte >> 4])
        levels[at++] = 128 + (code < 8 ? 1 : -1) * (DOUBLED[code & 7] as number);
    }
    for (let group = 0; group < groups; group++)
      scales[row * groups + group] = 2 ** ((exponents[own * groups + group] as number) - BIAS - 1);
  }
  return { sizes, bits: 8, group: BLOCK, levels, scales };
}
