import type { Span } from "./offsets.ts";
import { bestOf } from "./scores.ts";

/** The rule by which the labels of a word's tokens become one; none keeps each token. */
export type AggregationStrategy = "none" | "simple" | "first" | "average" | "max";

/** A token that stands in a text, with the probability of each label. */
export interface ScoredToken {
  readonly token: string;
  readonly scores: readonly number[];
  readonly span: Span;
  /** Its position in the row. */
  readonly index: number;
  /** True if it goes on the word of the token before. */
  readonly goesOn: boolean;
}

/** A token or word with its label. */
export interface Labelled {
  readonly entity: string;
  readonly score: number;
  readonly word: string;
  readonly span: Span;
  readonly index: number;
}

/** Several of them that name one thing. */
export interface Entity {
  readonly entity: string;
  readonly score: number;
  readonly word: string;
  readonly span: Span;
}

interface Naming {
  readonly labels: readonly string[];
  readonly join: (tokens: readonly string[]) => string;
}

/** Each token, or each word, with its most probable label; the words of `first`, `average` and `max` agree within. */
export function labelled(tokens: readonly ScoredToken[], strategy: AggregationStrategy, naming: Naming): Labelled[] {
  if (strategy === "none" || strategy === "simple")
    return tokens.map(({ token, scores, span, index }) => ({ ...best(scores, naming), word: token, span, index }));
  const words: [ScoredToken, ...ScoredToken[]][] = [];
  for (const token of tokens) {
    if (token.goesOn && words.length > 0) words.at(-1)?.push(token);
    else words.push([token]);
  }
  return words.map((word) => ({
    ...best(wordScores(word, strategy), naming),
    word: naming.join(word.map(({ token }) => token)),
    span: [word[0].span[0], word.at(-1)?.span[1] as number],
    index: word[0].index,
  }));
}

function best(scores: readonly number[], { labels }: Naming): { entity: string; score: number } {
  const [id] = bestOf(scores, 1) as [number];
  return { entity: labels[id] as string, score: scores[id] as number };
}

function wordScores(word: readonly ScoredToken[], strategy: "first" | "average" | "max"): readonly number[] {
  const rows = word.map(({ scores }) => scores) as [readonly number[], ...(readonly number[])[]];
  if (strategy === "first") return rows[0];
  const most = (row: readonly number[]): number => Math.max(...row);
  if (strategy === "max") return rows.reduce((a, b) => (most(b) > most(a) ? b : a));
  return rows[0].map((_, label) => rows.reduce((sum, row) => sum + (row[label] as number), 0) / rows.length);
}

/** Neighbours of one kind become one entity; a label that begins with `B-` begins another. */
export function grouped(parts: readonly Labelled[], { join }: Naming): Entity[] {
  const groups: [Labelled, ...Labelled[]][] = [];
  for (const part of parts) {
    const last = groups.at(-1)?.at(-1);
    if (last && kindOf(last.entity) === kindOf(part.entity) && !part.entity.startsWith("B-")) groups.at(-1)?.push(part);
    else groups.push([part]);
  }
  return groups.map((group) => ({
    entity: group[0].entity.replace(/^[^-]*-/, ""),
    score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
    word: join(group.map(({ word }) => word)),
    span: [group[0].span[0], group.at(-1)?.span[1] as number],
  }));
}

function kindOf(label: string): string {
  return label.replace(/^[BI]-/, "");
}

/** Of entities that overlap, found in parts of a text that do, the longest, or of alike ones the most probable. */
export function withoutOverlaps<T extends Entity>(entities: readonly T[]): T[] {
  const kept: T[] = [];
  for (const entity of entities.toSorted((a, b) => a.span[0] - b.span[0])) {
    const before = kept.at(-1);
    if (!before || entity.span[0] >= before.span[1]) kept.push(entity);
    else if (isBetter(entity, before)) kept[kept.length - 1] = entity;
  }
  return kept;
}

function isBetter(a: Entity, b: Entity): boolean {
  const [longer, other] = [a.span[1] - a.span[0], b.span[1] - b.span[0]];
  return longer > other || (longer === other && a.score > b.score);
}
