import { check } from "../common/index.ts";

/** Options of padding rows to one length. */
export interface PaddingOptions {
  /** The id of the padding token. */
  readonly padTokenId: number;
  /** The side on which rows are padded; default right. */
  readonly side?: "right" | "left";
  /** Rows are filled up to a multiple of this. */
  readonly multipleOf?: number;
  /** Rows are filled up to this, whatever their longest. */
  readonly length?: number;
}

/** Rows filled up to one length, with what is a token (1) and what padding (0). */
export function padRows(
  rows: readonly (readonly number[])[],
  { padTokenId, side = "right", multipleOf = 1, length }: PaddingOptions,
): { inputIds: number[][]; attentionMask: number[][] } {
  const longest = Math.max(0, ...rows.map((row) => row.length));
  const width = length ?? Math.ceil(longest / multipleOf) * multipleOf;
  check(longest <= width, "shape", () => `padding: a row has ${longest} tokens, more than the ${width} of the batch`);
  const fill = (row: readonly number[], value: number): number[] => {
    const padding = new Array<number>(width - row.length).fill(value);
    return side === "left" ? [...padding, ...row] : [...row, ...padding];
  };
  return {
    inputIds: rows.map((row) => fill(row, padTokenId)),
    attentionMask: rows.map((row) =>
      fill(
        row.map(() => 1),
        0,
      ),
    ),
  };
}
