import { basename } from "node:path";
import { type FileSource, openFiles } from "../../files/index.ts";
import { writeFileAtomic } from "../../files/node.ts";
import type { OnnxGraph, WeightLocation } from "../../lowering/index.ts";
import { writeOnnx } from "../../runtime/node.ts";
import { byteLength, elementCount } from "../../tensor/index.ts";

/** Weights begin at multiples of so many bytes, at which the engine can map them. */
const ALIGNMENT = 64;

/** The number of bytes that are copied at once. */
const PIECE = 2 ** 25;

/** A weight of the checkpoint and its place in the data file. */
interface Placed {
  readonly from: WeightLocation;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Writes a graph as `path`, and its weights, as they are stored, as `path_data` beside it, as external data.
 * @returns the bytes of both files
 */
export async function writeOnnxModel(graph: OnnxGraph, path: string): Promise<number> {
  const placed = new Map<string, Placed>();
  let size = 0;
  const place = (from: WeightLocation): Placed => {
    const key = `${from.file} ${from.offset}`;
    const known = placed.get(key);
    if (known) return known;
    const offset = Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    const own = { from, offset, bytes: byteLength(from.dtype, elementCount(from.shape)) };
    size = offset + own.bytes;
    placed.set(key, own);
    return own;
  };
  const data = `${path}_data`;
  const initializers = graph.initializers.map((initializer) =>
    "tensor" in initializer
      ? initializer
      : {
          ...initializer,
          external: { ...initializer.external, file: basename(data), offset: place(initializer.external).offset },
        },
  );
  const bytes = writeOnnx({ ...graph, initializers }, (file) => file);
  await writeFileAtomic(data, piecesOf([...placed.values()]));
  await writeFileAtomic(path, [bytes]);
  return size + bytes.length;
}

/** The weights in their order, with the gaps between them. */
async function* piecesOf(placed: readonly Placed[]): AsyncGenerator<Uint8Array> {
  const sources = new Map<string, FileSource>();
  let at = 0;
  for (const { from, offset, bytes } of placed) {
    if (offset > at) yield new Uint8Array(offset - at);
    const source = sources.get(from.file) ?? (await openFiles("/"));
    sources.set(from.file, source);
    for (let start = 0; start < bytes; start += PIECE)
      yield await source.readBytes(from.file, from.offset + start, Math.min(PIECE, bytes - start));
    at = offset + bytes;
  }
}
