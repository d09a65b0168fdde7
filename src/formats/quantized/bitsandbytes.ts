import { parseJsonObject, shown } from "../../common/index.ts";
import { formOf, type Grid } from "./grid.ts";
import type { Layer, PartReader } from "./reader.ts";

const STATE = /^(.*)\.weight\.quant_state\.bitsandbytes__(?:nf4|fp4)$/;

/**
 * Layers of bitsandbytes (Dettmers et al., 2022 and 2023): int8 `weight` `[O, I]` with `SCB` `[O]`, the largest entry of each
 * row; or a code of 4 bits a value, the first of two in the upper half of a byte, of which `quant_map` has the 16
 * values, times `absmax`, the largest entry of each block, which may itself be a code of 8 bits (`nested_`).
 */
export async function bitsandbytesLayers(reader: PartReader): Promise<Layer[]> {
  const layers = reader.pathsWith(".SCB").map((path) => rowLayer(reader, path));
  for (const name of reader.names()) {
    const [, path] = STATE.exec(name) ?? [];
    if (path !== undefined) layers.push(await codedLayer(reader, path, name));
  }
  return layers;
}

/** 1 / 127 in float32: a level of 127 is the largest entry of its row. */
const LEVEL = Math.fround(1 / 127);

function rowLayer(reader: PartReader, path: string): Layer {
  const weight = `${path}.weight`;
  const sizes = reader.matrix(weight);
  const [outSize, inSize] = sizes;
  reader.expect(weight, sizes, "int8");
  reader.expect(`${path}.SCB`, [outSize]);
  return {
    path,
    sizes,
    parts: [weight, ...reader.present(path, [".SCB", ".weight_format"])],
    content: {
      form: formOf(8, inSize),
      async grid(): Promise<Grid> {
        const levels = (await reader.bytes(weight)).map((level) => level ^ 128);
        const scales = (await reader.floats(`${path}.SCB`)).map((largest) => largest * LEVEL);
        return { sizes, bits: 8, group: inSize, levels, scales };
      },
    },
  };
}

/** The description of a matrix of 4 bits, which a tensor holds as JSON. */
interface State {
  readonly sizes: readonly [outSize: number, inSize: number];
  readonly block: number;
  /** Of nested codes: the size of their blocks, and what is added to all. */
  readonly nestedBlock: number;
  readonly nestedOffset: number;
}

async function readState(reader: PartReader, name: string): Promise<State> {
  const json = parseJsonObject(new TextDecoder().decode(await reader.bytes(name)), name);
  const { shape, blocksize, nested_blocksize = 0, nested_offset = 0 } = json;
  const isShape =
    Array.isArray(shape) && shape.length === 2 && shape.every((size) => Number.isInteger(size) && size > 0);
  if (!isShape || typeof blocksize !== "number" || !(blocksize > 0))
    throw reader.refused(`${name}: expected the shape of a matrix and a blocksize; got ${shown(json)}`);
  return {
    sizes: shape as [number, number],
    block: blocksize,
    nestedBlock: Number(nested_blocksize),
    nestedOffset: Number(nested_offset),
  };
}

async function codedLayer(reader: PartReader, path: string, stateName: string): Promise<Layer> {
  const weight = `${path}.weight`;
  const state = await readState(reader, stateName);
  const count = state.sizes[0] * state.sizes[1];
  const { dtype, byteLength } = reader.info(weight);
  if (dtype !== "uint8" || byteLength !== Math.ceil(count / 2))
    throw reader.refused(
      `${weight}: expected ${Math.ceil(count / 2)} bytes for [${state.sizes.join(", ")}]; got ${byteLength} of ${dtype}`,
    );
  reader.expect(`${weight}.quant_map`, [16]);
  reader.expect(`${weight}.absmax`, [Math.ceil(count / state.block)]);
  const isNested = reader.info(`${weight}.absmax`).dtype === "uint8";
  if (isNested) reader.expect(`${weight}.nested_quant_map`, [256]);
  const nestedBlocks = Math.ceil(Math.ceil(count / state.block) / state.nestedBlock);
  if (isNested) reader.expect(`${weight}.nested_absmax`, [nestedBlocks]);
  const endings = ["absmax", "quant_map", "nested_absmax", "nested_quant_map"].map((part) => `.weight.${part}`);
  return {
    path,
    sizes: state.sizes,
    parts: [weight, stateName, ...reader.present(path, endings)],
    content: { values: () => codedValues(reader, weight, state, isNested) },
  };
}

async function codedValues(reader: PartReader, weight: string, state: State, isNested: boolean): Promise<Float32Array> {
  const { sizes, block } = state;
  const bytes = await reader.bytes(weight);
  const code = await reader.floats(`${weight}.quant_map`);
  const largest = isNested ? await nestedLargest(reader, weight, state) : await reader.floats(`${weight}.absmax`);
  const values = new Float32Array(sizes[0] * sizes[1]);
  for (let i = 0; i < values.length; i++) {
    const byte = bytes[i >> 1] as number;
    values[i] = (code[i & 1 ? byte & 15 : byte >> 4] as number) * (largest[Math.floor(i / block)] as number);
  }
  return values;
}

async function nestedLargest(
  reader: PartReader,
  weight: string,
  { nestedBlock, nestedOffset }: State,
): Promise<Float32Array> {
  const code = await reader.floats(`${weight}.nested_quant_map`);
  const largest = await reader.floats(`${weight}.nested_absmax`);
  const codes = await reader.bytes(`${weight}.absmax`);
  return Float32Array.from(
    codes,
    (own, i) => Math.fround((code[own] as number) * (largest[Math.floor(i / nestedBlock)] as number)) + nestedOffset,
  );
}
