import { check } from "../../common/index.ts";
import { fieldsOf } from "./protobuf.ts";

/** The type of a piece, by SentencePiece's numbers. */
export const PieceType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

/** The content of a SentencePiece `.model` file. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  readonly kind: "unigram" | "bpe";
  readonly unknownId: number;
  readonly byteFallback: boolean;
  readonly addsDummyPrefix: boolean;
  readonly removesExtraSpaces: boolean;
  /** The compiled normalization rules; empty for none. */
  readonly charsmap: Uint8Array;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads a SentencePiece `ModelProto`. @param what names the file in errors */
export function readSentencePiece(bytes: Uint8Array, what: string): SentencePieceModel {
  const pieces: Piece[] = [];
  const trainer = new Map<number, number | Uint8Array>();
  const normalizer = new Map<number, number | Uint8Array>();
  for (const { number, value } of fieldsOf(bytes, what)) {
    if (typeof value === "number") continue;
    if (number === 1) pieces.push(readPiece(value, what));
    if (number === 2) for (const field of fieldsOf(value, what)) trainer.set(field.number, field.value);
    if (number === 3) for (const field of fieldsOf(value, what)) normalizer.set(field.number, field.value);
  }
  check(pieces.length > 0, "file", () => `${what}: no pieces; it is not a SentencePiece model, or it is cut off`);
  const kind = trainer.get(TRAINER.modelType) ?? 1;
  check(
    kind === 1 || kind === 2,
    "unsupported",
    () => `${what}: only unigram and BPE models are read; its type is ${kind}`,
  );
  const unknownId = pieces.findIndex(({ type }) => type === PieceType.unknown);
  check(unknownId >= 0, "file", () => `${what}: no piece for what is unknown; the file is damaged`);
  const charsmap = normalizer.get(NORMALIZER.charsmap);
  return {
    pieces,
    kind: kind === 1 ? "unigram" : "bpe",
    unknownId,
    byteFallback: trainer.get(TRAINER.byteFallback) === 1,
    addsDummyPrefix: normalizer.get(NORMALIZER.addDummyPrefix) !== 0,
    removesExtraSpaces: normalizer.get(NORMALIZER.removeExtraSpaces) !== 0,
    charsmap: charsmap instanceof Uint8Array ? charsmap : new Uint8Array(),
  };
}

const TRAINER = { modelType: 3, byteFallback: 35 } as const;
const NORMALIZER = { charsmap: 2, addDummyPrefix: 3, removeExtraSpaces: 4 } as const;

function readPiece(bytes: Uint8Array, what: string): Piece {
  let [text, score, type]: [string, number, number] = ["", 0, PieceType.normal];
  for (const { number, value } of fieldsOf(bytes, what)) {
    if (number === 1 && typeof value !== "number") text = decoder.decode(value);
    if (number === 2 && typeof value === "number") score = value;
    if (number === 3 && typeof value === "number") type = value;
  }
  check(Number.isFinite(score), "file", () => `${what}: the score of ${JSON.stringify(text)} is ${score}`);
  return { text, score, type };
}
