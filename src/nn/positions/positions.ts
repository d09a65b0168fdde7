/**
 * The tokens that a run computes and those that they may attend to; the host derives biases, tables and ids from it.
 */
export interface Positions {
  /** `[B][T]`: the position of each new token. */
  readonly queries: readonly (readonly number[])[];
  /** `[B][S]`: the position of each key, earlier ones first; −1 for a slot that holds nothing. */
  readonly keys: readonly (readonly number[])[];
  /** `[B][T]`: the new tokens, for models that read their positions off them. */
  readonly ids?: readonly (readonly number[])[] | undefined;
  /** `[B][T]`: the segment of each token; default 0. */
  readonly tokenTypeIds?: readonly (readonly number[])[] | undefined;
  /** `[B][T]`, 1 = token that sees its whole text and is seen by all of it, where a caller chooses them. */
  readonly globalTokens?: readonly (readonly number[])[] | undefined;
  /** `[B][T]`: which of a row's texts each token belongs to, where there are several that see themselves alone. */
  readonly texts?: readonly (readonly number[])[] | undefined;
  /** `[B]`: how many tokens the row's text has in all, where it is computed in pieces. */
  readonly lengths?: readonly number[] | undefined;
}

/** The places of each text of a row; where the row is one text, all of them, those of padding too. */
export function textsOf({ keys, texts }: Positions, row: number): number[][] {
  const places = (keys[row] ?? []).map((_, at) => at);
  const own = texts?.[row];
  if (!own) return [places];
  const ids = new Set(own.filter((id) => id >= 0));
  return [...ids].map((id) => places.filter((at) => own[at] === id));
}

/** Positions by index, whatever the mask (1 = token): how encoders count. */
export function positionsOfRows(mask: readonly (readonly number[])[]): Positions {
  return {
    queries: mask.map((row) => row.map((_, i) => i)),
    keys: mask.map((row) => row.map((flag, i) => (flag ? i : -1))),
  };
}

/** Positions of several texts a row, each counted from its own first token; −1 stands for padding. */
export function positionsOfTexts(texts: readonly (readonly number[])[]): Positions {
  const queries = texts.map((row) => row.map((text, i) => (text < 0 ? 0 : i - row.indexOf(text))));
  return { queries, keys: queries.map((row, r) => row.map((at, i) => (texts[r]?.[i] === -1 ? -1 : at))), texts };
}

/** The positions of whole rows under a mask (1 = token): a running count from 0, −1 where the mask is 0. */
export function positionsOfMask(mask: readonly (readonly number[])[]): Positions {
  const keys = mask.map((row) => {
    let count = 0;
    return row.map((flag) => (flag ? count++ : -1));
  });
  return { queries: keys, keys };
}
