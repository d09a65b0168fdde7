import type { Dfa } from "./dfa.ts";

/** A piece of text without nesting. */
export type Lexer =
  | { readonly kind: "dfa"; readonly dfa: Dfa }
  /** Fixed bytes; then a space may follow where `isSpaced`. */
  | { readonly kind: "literal"; readonly bytes: Uint8Array; readonly isSpaced: boolean }
  /** A string of JSON of so many code points. */
  | { readonly kind: "string"; readonly least: number; readonly most: number };

/** A named property, in the order in which it is written. */
export interface PropertyRule {
  /** The lexer of the key with its colon. */
  readonly key: number;
  /** The node of the value. */
  readonly value: number;
  readonly isRequired: boolean;
}

/** Keys that are not named, which follow the named ones. */
export interface ExtraRule {
  /** The lexer of the key, without its colon. */
  readonly key: number;
  readonly value: number;
  /** The number of keys that there are. */
  readonly supply: number;
}

export interface ObjectRule {
  readonly kind: "object";
  readonly named: readonly PropertyRule[];
  readonly extras: readonly ExtraRule[];
  /** Each: indices of extras, one of which must come. */
  readonly musts: readonly (readonly number[])[];
  readonly least: number;
  readonly most: number;
}

/** A node for an item, and the conditions of `contains` that it counts for, as bits. */
export interface ItemChoice {
  readonly value: number;
  readonly counts: number;
}

export interface ArrayRule {
  readonly kind: "array";
  readonly prefix: readonly (readonly ItemChoice[])[];
  readonly rest: readonly ItemChoice[];
  readonly least: number;
  readonly most: number;
  readonly contains: readonly { readonly least: number; readonly most: number }[];
  /** Where no two items may be equal: how many different items there are. */
  readonly distinct?: number | undefined;
}

/** A way to write a value. */
export type Alternative = { readonly kind: "lexer"; readonly lexer: number } | ObjectRule | ArrayRule;

/** A compiled schema or expression, as plain data: what may be written for each kind of value. Every node can be written. */
export interface Grammar {
  readonly lexers: readonly Lexer[];
  readonly nodes: readonly (readonly Alternative[])[];
  readonly root: number;
}

/** The extras that need not come. */
export function plainExtras({ extras, musts }: ObjectRule): readonly ExtraRule[] {
  const wanted = new Set(musts.flat());
  return wanted.size === 0 ? extras : extras.filter((_, i) => !wanted.has(i));
}
