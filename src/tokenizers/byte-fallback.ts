/** A token that stands for one byte, as SentencePiece writes bytes it has no piece for. */
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

export function isByteToken(token: string | undefined): boolean {
  return token !== undefined && BYTE.test(token);
}

/**
 * Joins runs of byte tokens. As in the tokenizers library, a run that is not valid UTF-8 as a whole becomes one
 * U+FFFD for each of its bytes.
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
