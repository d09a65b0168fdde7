import { joinBytes } from "../../common/index.ts";

/** An event of TensorBoard (`tensorflow.Event`), framed as a TFRecord with masked CRC-32C sums. */
export function eventRecord(event: {
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: string;
  readonly values?: Readonly<Record<string, number>>;
}): Uint8Array {
  const parts = [field(1, 1, double(event.wallTime))];
  if (event.step !== undefined) parts.push(field(2, 0, varint(event.step)));
  if (event.fileVersion !== undefined) parts.push(field(3, 2, text(event.fileVersion)));
  if (event.values) {
    const values = Object.entries(event.values).map(([tag, value]) => {
      const body = joinBytes([field(1, 2, text(tag)), field(2, 5, float(value))]);
      return field(1, 2, counted(body));
    });
    parts.push(field(5, 2, counted(joinBytes(values))));
  }
  const data = joinBytes(parts);
  const length = number(8, (view) => view.setBigUint64(0, BigInt(data.length), true));
  return joinBytes([length, sum(length), data, sum(data)]);
}

const field = (id: number, kind: number, bytes: Uint8Array): Uint8Array => joinBytes([varint((id << 3) | kind), bytes]);
const counted = (bytes: Uint8Array): Uint8Array => joinBytes([varint(bytes.length), bytes]);
const text = (value: string): Uint8Array => counted(new TextEncoder().encode(value));

function number(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
}

const double = (value: number): Uint8Array => number(8, (view) => view.setFloat64(0, value, true));
const float = (value: number): Uint8Array => number(4, (view) => view.setFloat32(0, value, true));

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The masked CRC-32C (Castagnoli) of TFRecord. */
function sum(bytes: Uint8Array): Uint8Array {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  return number(4, (view) => view.setUint32(0, masked, true));
}
