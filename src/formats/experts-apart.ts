import { ownEntry } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { byteLength } from "../tensor/index.ts";
import type { AnyTensor, Checkpoint, StoredTensor } from "./tensor-files.ts";

/** Tensors that hold a part of all experts. */
const joined = /^(.*\.experts)\.(gate_up_proj|down_proj)(_bias)?$/;

/** The tensors of an expert that the outputs of a stored one belong to. */
const outputsOf: Readonly<Record<string, readonly string[]>> = {
  gate_up_proj: ["gate_proj", "up_proj"],
  down_proj: ["down_proj"],
};

/**
 * Some of a checkpoint's tensors, with those that hold all experts taken apart: `experts.3.gate_proj.weight` `[F, E]`. gpt-oss,
 * whose experts have biases, stores `[N, I, O]` with the outputs of gate and up in turns; others store `[N, O, I]` with one
 * behind the other.
 */
export function expertsApart(files: FileSource, stored: Checkpoint, names: Iterable<string>): Map<string, AnyTensor> {
  const found = new Map<string, AnyTensor>();
  for (const name of names) {
    const [, path, part = "", bias] = joined.exec(name) ?? [];
    const info = stored.info(name);
    const outputs = ownEntry(outputsOf, part) ?? [];
    if (path === undefined || (!bias && info.shape.length !== 3)) found.set(name, info);
    else {
      const isTurned = stored.has(`${path}.${part}_bias`);
      const parts = isTurned ? partsInTurns(files, info, outputs) : partsInOrder(info, outputs);
      for (const [own, tensor] of parts) found.set(`${path}.${own}.${bias ? "bias" : "weight"}`, tensor);
    }
  }
  return found;
}

/** The tensors of each expert, by what follows `experts.`, where they lie in the file: of matrices `[N, O, I]`. */
function partsInOrder(whole: StoredTensor, outputs: readonly string[]): [string, AnyTensor][] {
  const [count, rows, inSize] = whole.shape as [number, number, number];
  const byteLength = whole.byteLength / count / outputs.length;
  const shape = [rows / outputs.length, inSize];
  return Array.from({ length: count * outputs.length }, (_, i) => {
    const name = outputs[i % outputs.length] as string;
    const own = { ...whole, shape, byteLength, offset: whole.offset + i * byteLength };
    return [`${Math.floor(i / outputs.length)}.${name}`, own];
  });
}

/** The tensors of each expert, by what follows `experts.`: of matrices `[N, I, O]`, or of biases `[N, O]`. */
function partsInTurns(files: FileSource, whole: StoredTensor, outputs: readonly string[]): [string, AnyTensor][] {
  const { dtype, file, offset, byteLength: size, shape } = whole;
  const [count, ...own] = shape as [number, ...number[]];
  const each = size / count;
  const width = (own.at(-1) as number) / outputs.length;
  const parts: [string, AnyTensor][] = [];
  for (let expert = 0; expert < count; expert++) {
    const at = offset + expert * each;
    let latest: Promise<Uint8Array> | undefined;
    const bytes = (): Promise<Uint8Array> => (latest ??= files.readBytes(file, at, each));
    for (const [turn, name] of outputs.entries()) {
      const rows = { inSize: own.length === 1 ? 1 : (own[0] as number), step: outputs.length, turn };
      async function* pieces(from = 0, to = width): AsyncGenerator<Uint8Array> {
        yield turned(await bytes(), { ...rows, from, to, element: byteLength(dtype, 1) });
        if (to === width) latest = undefined;
      }
      const kept = own.length === 1 ? [width] : [width, own[0] as number];
      parts.push([`${expert}.${name}`, { dtype, shape: kept, sources: [file], pieces }]);
    }
  }
  return parts;
}

/** Rows `[to − from, I]` of some of the outputs of a matrix `[I, O]`: of every `step`-th, from `turn` on. */
function turned(
  bytes: Uint8Array,
  {
    inSize,
    step,
    turn,
    from,
    to,
    element,
  }: Readonly<Record<"inSize" | "step" | "turn" | "from" | "to" | "element", number>>,
): Uint8Array {
  const outSize = bytes.length / element / inSize;
  const out = new Uint8Array((to - from) * inSize * element);
  for (let row = from, at = 0; row < to; row++)
    for (let column = 0; column < inSize; column++)
      for (let byte = 0; byte < element; byte++, at++)
        out[at] = bytes[(column * outSize + row * step + turn) * element + byte] as number;
  return out;
}
