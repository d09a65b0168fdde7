import type { Architecture } from "../families/index.ts";
import { derivedFile } from "../files/index.ts";
import type { BlockForm, QuantizedMatrix } from "../formats/index.ts";
import type { WeightLocation } from "../lowering/index.ts";
import { type PublishedPart, publishedPart, runPasses } from "../passes/index.ts";
import { byteLength, elementCount } from "../tensor/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import { parametersOf, type Weights } from "./weights.ts";

/** The version of the file's contents. */
const RECIPE = "published 1";

/** Tensors begin at multiples of so many bytes. */
const ALIGNMENT = 64;

/** A part of matrices side by side, and its place in the derived file. */
interface Part extends PublishedPart {
  readonly name: string;
  readonly dtype: WeightLocation["dtype"];
  readonly shape: readonly number[];
  readonly offset: number;
}

/** The parts of matrices in the file: levels come first, and the others are kept while these are written. */
const ORDER: readonly PublishedPart["part"][] = ["levels", "scales", "offsets", "order"];

type Group = readonly Part[];

/**
 * Weights whose linear layers are read in the few bits that the checkpoint has them in, block for block, from a file that
 * is derived on first use.
 *
 * @param warn is told the loss where values are rounded, when that is done
 */
export async function publishedWeights(
  architecture: Architecture,
  weights: Weights,
  warn: (message: string) => unknown,
): Promise<Weights> {
  const { heads } = forwardGraph(architecture);
  const forms = new Map<string, BlockForm>();
  for (const path of parametersOf(Object.values(heads)).keys()) {
    const form = weights.published(path)?.form;
    if (form) forms.set(path, form);
  }
  const rewritten = runPasses(heads, { published: { formOf: (path) => forms.get(path), has: () => true } });
  const { groups, size } = layOut(parametersOf(Object.values(rewritten)));
  if (groups.length === 0) return weights;
  const parts = groups.flat();
  const [source, ...besides] = weights.files(parts.flatMap(({ paths }) => paths)) as [string, ...string[]];
  const recipe = JSON.stringify([RECIPE, parts.map(({ name }) => name)]);
  const rounding = new Rounding();
  const pieces = (): AsyncIterable<Uint8Array> => partPieces(groups, weights, rounding);
  const file = await derivedFile({ source, besides, recipe, size, pieces });
  for (const message of rounding.messages()) warn(message);
  const places = new Map(parts.flatMap((part) => placesOf(part, file, weights)));
  return weights.withPublished({ forms, places });
}

/** The published matrices of a graph's parameters, and their places in one file. */
function layOut(parameters: ReturnType<typeof parametersOf>): { groups: readonly Group[]; size: number } {
  const found = new Map<string, Omit<Part, "offset">[]>();
  for (const [name, { dtype, shape }] of parameters) {
    const own = publishedPart(name);
    if (!own) continue;
    const key = own.paths.join();
    found.set(key, [...(found.get(key) ?? []), { ...own, name, dtype, shape: shape as readonly number[] }]);
  }
  let size = 0;
  const groups = [...found.values()].map((group) =>
    group
      .sort((a, b) => ORDER.indexOf(a.part) - ORDER.indexOf(b.part))
      .map((part): Part => {
        const offset = Math.ceil(size / ALIGNMENT) * ALIGNMENT;
        size = offset + byteLength(part.dtype, elementCount(part.shape));
        return { ...part, offset };
      }),
  );
  return { groups, size };
}

/** The place of a part under its name and, since the rows of matrices follow each other, of each matrix under its own. */
function placesOf(part: Part, file: string, weights: Weights): [string, WeightLocation][] {
  const { name, dtype, shape, offset, paths } = part;
  const whole: [string, WeightLocation] = [name, { file, offset, dtype, shape }];
  if (paths.length === 1) return [whole];
  const rowBytes = byteLength(dtype, elementCount(shape.slice(1)));
  let row = 0;
  return [
    whole,
    ...paths.map((path): [string, WeightLocation] => {
      const [rows] = weights.shape(path) as [number];
      const place = { file, offset: offset + row * rowBytes, dtype, shape: [rows, ...shape.slice(1)] };
      row += rows;
      return [name.replace(paths.join("|"), path), place];
    }),
  ];
}

const bytesOf = ({ buffer, byteOffset, byteLength: length }: Uint8Array | Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length);

/** The derived file's bytes, in order. */
async function* partPieces(groups: readonly Group[], weights: Weights, rounding: Rounding): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const group of groups) {
    const kept: Record<Exclude<PublishedPart["part"], "levels">, Uint8Array[]> = { scales: [], offsets: [], order: [] };
    for (const part of group) {
      yield new Uint8Array(part.offset - at);
      at = part.offset;
      const pieces = part.part === "levels" ? levelPieces(part, weights, kept, rounding) : kept[part.part];
      for await (const piece of pieces) {
        yield piece;
        at += piece.length;
      }
    }
  }
}

async function* levelPieces(
  { paths }: Part,
  weights: Weights,
  kept: Record<"scales" | "offsets" | "order", Uint8Array[]>,
  rounding: Rounding,
): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    const matrix = weights.published(path) as QuantizedMatrix;
    if (matrix.form.isPermuted) kept.order.push(bytesOf(await matrix.order()));
    for await (const { levels, scales, offsets, rounding: own } of matrix.blocks()) {
      kept.scales.push(bytesOf(scales));
      if (offsets) kept.offsets.push(bytesOf(offsets));
      if (own) rounding.add(matrix.method, own);
      yield levels;
    }
  }
}

/** The loss of values that are rounded, by the method that published them. */
class Rounding {
  readonly #sums = new Map<string, { errors: number; values: number; matrices: number }>();

  add(method: string, { errors, values }: { readonly errors: number; readonly values: number }): void {
    const known = this.#sums.get(method) ?? { errors: 0, values: 0, matrices: 0 };
    this.#sums.set(method, {
      errors: known.errors + errors,
      values: known.values + values,
      matrices: known.matrices + 1,
    });
  }

  messages(): string[] {
    return [...this.#sums].map(([method, { errors, values, matrices }]) => {
      const loss = Math.sqrt(errors / (values || 1));
      return `${method}: ${matrices} matrices are rounded to int8 in blocks of 32 weights; relative RMS error ${loss.toPrecision(2)}; precision float32 computes with the exact values`;
    });
  }
}
