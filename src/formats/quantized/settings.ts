import { isObject, LecternError, parseJsonObject } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";

type Json = Readonly<Record<string, unknown>>;

/** The methods whose checkpoints are read. */
export const readMethods = ["GPTQ", "AWQ", "compressed-tensors", "FP8", "bitsandbytes", "MXFP4"] as const;
export type MethodName = (typeof readMethods)[number];

/** The quantization of a checkpoint, as its config describes it. */
export interface Quantization {
  readonly method: MethodName;
  readonly settings: Json;
  /** The directory, in messages. */
  readonly location: string;
}

/** Names that people use, by `quant_method` of `quantization_config`. */
const methods: ReadonlyMap<string, string> = new Map([
  ["aqlm", "AQLM"],
  ["auto-round", "AutoRound"],
  ["awq", "AWQ"],
  ["bitnet", "BitNet"],
  ["bitsandbytes", "bitsandbytes"],
  ["compressed-tensors", "compressed-tensors"],
  ["eetq", "EETQ"],
  ["exl2", "EXL2"],
  ["exl3", "EXL3"],
  ["fbgemm_fp8", "FP8"],
  ["fp8", "FP8"],
  ["fp_quant", "FP-Quant"],
  ["gptq", "GPTQ"],
  ["higgs", "HIGGS"],
  ["hqq", "HQQ"],
  ["modelopt", "ModelOpt"],
  ["mxfp4", "MXFP4"],
  ["quanto", "Quanto"],
  ["quark", "Quark"],
  ["sinq", "SINQ"],
  ["spqr", "SpQR"],
  ["torchao", "torchao"],
  ["vptq", "VPTQ"],
]);

/** Tensors that only a quantized checkpoint has, by what makes them. */
const traces: readonly (readonly [tensor: RegExp, method: string])[] = [
  [/\.g_idx$/, "GPTQ"],
  [/\.(qweight|qzeros)$/, "GPTQ or AWQ"],
  [/\.weight\.(absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..+)$|\.SCB$/, "bitsandbytes"],
  [/\.weight_(packed|zero_point|global_scale)$/, "compressed-tensors"],
  [/\.weight_scale(_inv)?$/, "FP8 or int8"],
  [/\.weight_scales$/, "EETQ"],
  [/\.(weight_format|W_q)$/, "HQQ"],
  [/\.(codes|codebooks)$/, "AQLM"],
  [/\.weight\._(data|scale|shift)$/, "Quanto"],
  [/_(blocks|scales)$/, "MXFP4"],
];

/**
 * The quantization that `quantization_config` of `config.json` describes, or the older `quantize_config.json` of GPTQ;
 * undefined where there is none. One that is not read is refused by its name.
 */
export async function readQuantization(files: FileSource): Promise<Quantization | undefined> {
  const { location } = files;
  const read = async (name: string): Promise<Json | undefined> =>
    (await files.has(name)) ? parseJsonObject(await files.readText(name), name) : undefined;
  const config = (await read("config.json")) ?? {};
  const settings = config.quantization_config ?? config.compression_config ?? undefined;
  if (settings === undefined) {
    const older = await read("quantize_config.json");
    return older && typeof older.bits === "number" ? { method: "GPTQ", settings: older, location } : undefined;
  }
  const own = isObject(settings) ? settings : {};
  if (own.quant_method === "lectern") return undefined; // read by what wrote it
  const named = methodOf(config, own);
  const method = readMethods.find((name) => name === named);
  if (method) return { method, settings: own, location };
  throw quantizedRefused(location, `${named ?? "a method that quantization_config does not name"}${bitsOf(own)}`);
}

/** Refuses a checkpoint in which tensors tell of a quantization that no config describes. */
export function refuseQuantizedTensors(location: string, names: readonly string[]): void {
  for (const [tensor, method] of traces) {
    const found = names.find((name) => tensor.test(name));
    if (found !== undefined)
      throw quantizedRefused(
        location,
        `${method}, as its tensor ${found} shows, and config.json has no quantization_config for it`,
      );
  }
}

function quantizedRefused(location: string, quantization: string): LecternError {
  return new LecternError(
    "unsupported",
    `${location}: this checkpoint is quantized with ${quantization}; of quantized checkpoints Lectern reads GGUF and ${readMethods.join(", ")}; load the original float checkpoint or a GGUF of it`,
  );
}

function methodOf(json: Json, { quant_method: named, load_in_4bit, load_in_8bit }: Json): string | undefined {
  if (typeof named === "string") return methods.get(named) ?? JSON.stringify(named.slice(0, 80));
  if (load_in_4bit || load_in_8bit) return "bitsandbytes";
  return json.compression_config === undefined ? undefined : "compressed-tensors";
}

/** The number of bits that a weight has, under the names that these methods have for it. */
function bitsOf(settings: Json): string {
  const { bits, w_bit, wbits, nbits, num_bits, load_in_4bit, load_in_8bit, weights } = settings;
  const named = [bits, w_bit, wbits, nbits, num_bits].find((value) => typeof value === "number");
  const loaded = load_in_4bit === true ? 4 : load_in_8bit === true ? 8 : undefined;
  const typed = typeof weights === "string" ? /^(?:u?int|float)(\d)$/.exec(weights)?.[1] : undefined;
  const count = named ?? loaded ?? typed;
  return count === undefined ? "" : ` (${count} bits)`;
}
