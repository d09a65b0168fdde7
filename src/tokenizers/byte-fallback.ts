/** A token that stands for one byte, as SentencePiece writes bytes it has no piece for. */
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

export function isByteToken(token: string | undefined): boolean {
  return token !== undefined && BYTE.test(token);
}

/**
 * Joins runs of byte tokens. As in the tokenizers library, a run that is not valid UTF-8 as a whole becomes one
 * U+FFFD for each of its bytes; the JavaScript library replaces only the bytes that do not fit.
 */
export function joinBytes(tokens: readonly string[]): string[] {
  const joined: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length > 0) joined.push(...decodeRun(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = BYTE.exec(token)?.[1];
    if (byte !== undefined) run.push(Number.parseInt(byte, 16));
    else {
      flush();
      joined.push(token);
    }
  }
  flush();
  return joined;
}

function decodeRun(run: readonly number[]): string[] {
  try {
    return [new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run))];
  } catch {
    return run.map(() => "\uFFFD");
  }
}

/** The part of the library's decoders that is used here; one of type Sequence holds others. */
export interface LibraryDecoder {
  readonly config: { readonly type: string };
  readonly decoders?: LibraryDecoder[];
  decode_chain(tokens: string[]): string[];
}

/** Puts {@link joinBytes} in place of the library's own in a decoder; returns whether there was one. */
export function mendByteFallback(decoder: LibraryDecoder | null): boolean {
  const parts = decoder?.decoders ?? (decoder ? [decoder] : []);
  const found = parts.filter((part) => part.config.type === "ByteFallback");
  for (const part of found) part.decode_chain = joinBytes;
  return found.length > 0;
}
