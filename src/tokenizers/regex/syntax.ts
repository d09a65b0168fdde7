/** A pattern as a tree. A set matches one character. */
export type Node =
  | { readonly kind: "set"; readonly source: string }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | { readonly kind: "repeat"; readonly item: Node; readonly min: number; readonly max: number; readonly mode: Mode }
  | { readonly kind: "atomic"; readonly item: Node }
  | { readonly kind: "look"; readonly item: Node; readonly ahead: boolean; readonly negated: boolean };

export type Mode = "greedy" | "lazy" | "possessive";

export const sequence = (items: readonly Node[]): Node =>
  items.length === 1 ? (items[0] as Node) : { kind: "sequence", items };

export const choice = (options: readonly Node[]): Node =>
  options.length === 1 ? (options[0] as Node) : { kind: "choice", options };

const look = (source: string, ahead: boolean, negated: boolean): Node => ({
  kind: "look",
  item: { kind: "set", source },
  ahead,
  negated,
});

/** The zero-width escapes and anchors, as looks at sets. */
export function assertions(word: string): Readonly<Record<string, Node>> {
  const [before, behind] = [
    (negated: boolean) => look(word, false, negated),
    (negated: boolean) => look(word, true, negated),
  ];
  const boundary = (isEdge: boolean): Node =>
    choice([sequence([before(false), behind(isEdge)]), sequence([before(true), behind(!isEdge)])]);
  const end = look("[^]", true, true);
  const newline: Node = { kind: "set", source: "[\\n]" };
  const last = sequence([{ kind: "repeat", item: newline, min: 0, max: 1, mode: "greedy" }, end]);
  return {
    "\\b": boundary(true),
    "\\B": boundary(false),
    "\\A": look("[^]", false, true),
    "\\z": end,
    "\\Z": { kind: "look", item: last, ahead: true, negated: false },
    // at the start, and behind a line's end unless the text ends there
    "^": choice([look("[^]", false, true), sequence([look("[\\n]", false, false), look("[^]", true, false)])]),
    $: look("[^\\n]", true, true),
  };
}
