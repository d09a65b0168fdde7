import { check } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";
import { type GgufHeader, type GgufTensor, readGgufHeader } from "./header.ts";
import { GgufMetadata } from "./metadata.ts";

/** `model-00001-of-00003.gguf`: the name, the part's number and how many there are. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** The first of some files, where they are the parts of one split model; undefined where they are not. */
export function firstPart(names: readonly string[]): string | undefined {
  const parts = names.map((name) => PART.exec(name));
  const [first] = parts;
  const isOneModel = parts.every((part) => part && part[1] === first?.[1] && part[3] === first?.[3]);
  return isOneModel ? names.find((_, i) => Number(parts[i]?.[2]) === 1) : undefined;
}

/** A file's own name and, where it is the first part of a split model, those of the others. */
export async function partNames(files: FileSource, name: string, metadata: GgufMetadata): Promise<string[]> {
  const count = metadata.number("split.count", 1);
  if (count === 1) return [name];
  const [, base, number, total] = PART.exec(name) ?? [];
  check(
    Number(total) === count,
    "file",
    () =>
      `${name} is one of ${count} parts, whose names must end in -00001-of-${digits(count)}.gguf; give it back its name, or join the parts with llama-gguf-split --merge`,
  );
  check(
    Number(number) === 1 && metadata.number("split.no", 0) === 0,
    "usage",
    () => `${name} is a later part of a split model; open its first part, ${partName(base ?? "", 1, count)}`,
  );
  const names = Array.from({ length: count }, (_, i) => (i === 0 ? name : partName(base ?? "", i + 1, count)));
  const has = await Promise.all(names.map((part) => files.has(part)));
  const missing = names.filter((_, i) => !has[i]);
  check(
    missing.length === 0,
    "file",
    () => `${name}: ${missing.length} of its ${count} parts are missing: ${missing.slice(0, 3).join(", ")}`,
  );
  return names;
}

const digits = (count: number): string => String(count).padStart(5, "0");

const partName = (base: string, number: number, count: number): string =>
  `${base}-${digits(number)}-of-${digits(count)}.gguf`;

/** The header of a whole model: the first part's metadata, and the tensors of all parts. */
export async function joinParts(files: FileSource, names: readonly string[], first: GgufHeader): Promise<GgufHeader> {
  const tensors = new Map<string, GgufTensor>();
  for (const [i, name] of names.entries()) {
    const header = i === 0 ? first : await readGgufHeader(files, name);
    const metadata = new GgufMetadata(name, header.metadata);
    check(
      metadata.number("split.count", 1) === names.length && metadata.number("split.no", i) === i,
      "file",
      () => `${name}: this is not part ${i + 1} of ${names.length}, as its name says; download the parts again`,
    );
    for (const [key, tensor] of header.tensors) {
      check(!tensors.has(key), "file", () => `${name}: tensor ${key} is also in ${tensors.get(key)?.file}`);
      tensors.set(key, { ...tensor, file: name });
    }
  }
  const expected = new GgufMetadata(names[0] as string, first.metadata).number("split.tensors.count", tensors.size);
  check(
    expected === tensors.size,
    "file",
    () => `${names[0]}: split.tensors.count is ${expected}, the ${names.length} parts hold ${tensors.size} tensors`,
  );
  return { ...first, tensors };
}
