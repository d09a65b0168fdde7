import { check, LecternError } from "../../common/index.ts";
import type { DType } from "../../tensor/index.ts";
import {
  type Decoder,
  decodeIQ4_NL,
  decodeIQ4_XS,
  decodeMXFP4,
  decodeQ2_K,
  decodeQ3_K,
  decodeQ4_0,
  decodeQ4_1,
  decodeQ4_K,
  decodeQ5_0,
  decodeQ5_1,
  decodeQ5_K,
  decodeQ6_K,
  decodeQ8_0,
} from "./dequantize.ts";

/** The storage of a tensor's values: blocks of some values in some bytes. */
export interface GgufType {
  readonly name: string;
  /** Values in a block; 1 where each stands for itself. */
  readonly values: number;
  readonly bytes: number;
  /** The element type where values stand for themselves; else the decoder of blocks. */
  readonly form: DType | Decoder;
}

const type = (name: string, values: number, bytes: number, form: DType | Decoder): GgufType => ({
  name,
  values,
  bytes,
  form,
});

/** The types that are read, by their number in the file. */
const types: Readonly<Record<number, GgufType>> = {
  0: type("F32", 1, 4, "float32"),
  1: type("F16", 1, 2, "float16"),
  2: type("Q4_0", 32, 18, decodeQ4_0),
  3: type("Q4_1", 32, 20, decodeQ4_1),
  6: type("Q5_0", 32, 22, decodeQ5_0),
  7: type("Q5_1", 32, 24, decodeQ5_1),
  8: type("Q8_0", 32, 34, decodeQ8_0),
  10: type("Q2_K", 256, 84, decodeQ2_K),
  11: type("Q3_K", 256, 110, decodeQ3_K),
  12: type("Q4_K", 256, 144, decodeQ4_K),
  13: type("Q5_K", 256, 176, decodeQ5_K),
  14: type("Q6_K", 256, 210, decodeQ6_K),
  20: type("IQ4_NL", 32, 18, decodeIQ4_NL),
  23: type("IQ4_XS", 256, 136, decodeIQ4_XS),
  30: type("BF16", 1, 2, "bfloat16"),
  39: type("MXFP4", 32, 17, decodeMXFP4),
};

/** Types that exist and are not read, so that a refusal can name them. */
const others: Readonly<Record<number, string>> = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  21: "IQ3_S",
  22: "IQ2_S",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
};

export const typeNames: readonly string[] = Object.values(types).map(({ name }) => name);

/** The type of a number that stands in a file; one that is not read is refused by name. */
export function typeOf(id: number, where: string): GgufType {
  const found = types[id];
  if (found) return found;
  const name = others[id];
  throw new LecternError(
    name ? "unsupported" : "file",
    `${where}: tensor type ${name ?? id} is not ${name ? "read" : "known: damaged"}; read are ${typeNames.join(", ")}`,
  );
}

/** The number of a type in the file. */
export function typeId(name: string): number {
  const found = Object.entries(types).find(([, entry]) => entry.name === name);
  check(found, "unsupported", () => `GGUF: there is no type ${name}; there are ${typeNames.join(", ")}`);
  return Number(found[0]);
}
