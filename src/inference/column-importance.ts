import { check, LecternError, throwIfAborted } from "../common/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { CALIBRATION_PASSAGES } from "./calibration-text.ts";
import { ForwardPass } from "./forward.ts";
import { runtimeOf } from "./kinds/index.ts";
import type { ModelFiles } from "./model-files.ts";
import type { ColumnImportance } from "./quantized-matrices.ts";
import { weightsIn } from "./weights-in.ts";

/** The number of tokens of a passage that are read at most. */
const WINDOW = 256;

/** A text is read in pieces of so many characters, and so many of them. */
const PIECES = /.{1,1000}(?=\s|$)|.{1,1000}/gsu;
const MOST_PIECES = 32;

/** Columns whose inputs were all 0 count so much of the mean column: another text may have other inputs. */
const LEAST = 1e-3;

/** The importance of columns, and the number of tokens that it was measured on. */
export interface MeasuredImportance {
  readonly importance: ColumnImportance;
  readonly tokens: number;
}

/**
 * Measures how much an error in each column of a model's matrices counts: the mean square of the input that the column is multiplied
 * with, while the model reads texts. An error in a weight is as large in the result as this input is.
 *
 * @param text undefined: {@link CALIBRATION_PASSAGES}
 * @throws LecternError with code `input` where the text has fewer than two tokens
 */
export async function columnImportance(
  files: ModelFiles,
  tokenizer: Tokenizer,
  text: string | undefined,
  signal: AbortSignal | undefined,
): Promise<MeasuredImportance> {
  const { maxPositionEmbeddings, sourcePositions = maxPositionEmbeddings } = files.architecture.config;
  const window = Math.min(WINDOW, sourcePositions, maxPositionEmbeddings);
  const passages = text === undefined ? CALIBRATION_PASSAGES : (text.match(PIECES) ?? []).slice(0, MOST_PIECES);
  const encoded = passages.map((passage) => tokenizer.encode(passage, { maxLength: window }).ids);
  const rows = encoded.filter(({ length }) => length > 1);
  check(rows.length > 0, "input", () => "quantize: the calibration text has fewer than 2 tokens; give a page of text");
  const sums = await inputSquares(files, rows, "float32", signal).catch((error) => {
    if (!(error instanceof LecternError) || error.code !== "engine") throw error;
    return inputSquares(files, rows, "int8", signal); // the memory does not hold the floats
  });
  const importance = new Map([...sums].map(([path, squares]) => [path, withLeast(squares)]));
  return { importance, tokens: rows.reduce((count, row) => count + row.length, 0) };
}

/** The sums of rows, by the parameter of the matrix that reads them. */
async function inputSquares(
  files: ModelFiles,
  rows: readonly (readonly number[])[],
  precision: "float32" | "int8",
  signal: AbortSignal | undefined,
): Promise<Map<string, Float32Array>> {
  const weights = await weightsIn(precision, files, { warn: () => {}, signal });
  const pass = new ForwardPass(files.architecture, weights);
  const { isEncoderDecoder } = runtimeOf(files.architecture);
  const sums = new Map<string, Float32Array>();
  try {
    for (const row of rows) {
      throwIfAborted(signal);
      const inputs = { inputIds: [row], ...(isEncoderDecoder && { decoderInputIds: [row] }) };
      for (const [path, squares] of await pass.inputSquares(inputs)) {
        const known = sums.get(path);
        sums.set(path, known ? squares.map((x, i) => x + (known[i] as number)) : squares);
      }
    }
  } finally {
    await pass.dispose();
  }
  return sums;
}

/** Sums by column, none of them 0. */
function withLeast(sums: Float32Array): Float32Array {
  const mean = sums.reduce((total, sum) => total + sum, 0) / sums.length;
  return mean > 0 ? sums.map((sum) => sum / mean + LEAST) : sums.map(() => 1);
}
