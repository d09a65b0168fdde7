const encoder = new TextEncoder();

/** Bytes from this size on are kept where they are until the end; smaller ones are gathered. */
const LARGE = 1024;

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** Writes protobuf messages: fields in order, nested ones with their length in front. */
export class ProtobufWriter {
  /** The complete parts, in order; then comes the tail. */
  readonly #chunks: Uint8Array[] = [];
  #tail = new Uint8Array(64);
  #used = 0;
  #length = 0;

  /** A varint field; negative numbers take ten bytes, as two's complement of 64 bits. */
  integer(field: number, value: number): this {
    this.#varint(field * 8);
    return this.#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(bytes);
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    return this.#push(bytes);
  }

  text(field: number, text: string): this {
    if (!isAscii(text)) return this.bytes(field, encoder.encode(text));
    this.#varint(field * 8 + 2);
    this.#varint(text.length);
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#byte(text.charCodeAt(i));
    return this;
  }

  message(field: number, write: (writer: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter();
    write(inner);
    this.#varint(field * 8 + 2);
    this.#varint(inner.#length);
    for (const chunk of inner.#parts()) this.#push(chunk);
    return this;
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#parts()) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  *#parts(): Generator<Uint8Array> {
    yield* this.#chunks;
    yield this.#tail.subarray(0, this.#used);
  }

  #varint(value: number): this {
    this.#reserve(10);
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.#byte(Number(rest & 127n) | 128);
      return this.#byte(Number(rest));
    }
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 128);
    return this.#byte(rest);
  }

  #byte(byte: number): this {
    this.#tail[this.#used++] = byte;
    this.#length++;
    return this;
  }

  #push(bytes: Uint8Array): this {
    if (bytes.length >= LARGE) {
      this.#chunks.push(this.#tail.subarray(0, this.#used), bytes);
      this.#tail = new Uint8Array(64);
      this.#used = 0;
    } else {
      this.#reserve(bytes.length);
      this.#tail.set(bytes, this.#used);
      this.#used += bytes.length;
    }
    this.#length += bytes.length;
    return this;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#tail.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#tail.length, this.#used + count));
    larger.set(this.#tail.subarray(0, this.#used));
    this.#tail = larger;
  }
}
