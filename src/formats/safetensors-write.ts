import { LecternError } from "../common/index.ts";
import { byteLength, type DType, elementCount, type HostTensor } from "../tensor/index.ts";

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

/** The beginning of a safetensors file whose tensors follow in this order; they begin at a multiple of 64 bytes. */
export function safetensorsHeader(
  tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const code = codes[dtype];
    if (!code) throw new LecternError("unsupported", `safetensors cannot hold ${dtype}; tensor ${name}`);
    const end = at + byteLength(dtype, elementCount(shape));
    header[name] = { dtype: code, shape, data_offsets: [at, end] };
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil((8 + json.length) / 64) * 64).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(json, 8);
  return padded;
}

/** Tensors as the pieces of a safetensors file, in order: header, then each tensor's bytes, not copied. */
export function safetensorsChunks(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array[] {
  const all = Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));
  const chunks = all.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [safetensorsHeader(all, metadata), ...chunks];
}
