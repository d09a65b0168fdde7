import { LecternError } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";

const codes: Readonly<Partial<Record<DType, string>>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  float8e4m3: "F8_E4M3",
  float8e5m2: "F8_E5M2",
  int8: "I8",
  uint8: "U8",
  int32: "I32",
  int64: "I64",
  bool: "BOOL",
};

/** Tensors as the pieces of a safetensors file, in order: header, then each tensor's bytes, not copied. */
export function safetensorsChunks(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array[] {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const code = codes[dtype];
    if (!code) throw new LecternError("unsupported", `safetensors cannot hold ${dtype}; tensor ${name}`);
    header[name] = { dtype: code, shape, data_offsets: [at, at + data.byteLength] };
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    at += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(json, 8);
  return [padded, ...chunks];
}
