import { check } from "../common/index.ts";
import type { Model } from "../inference/index.ts";

export function sigmoid(row: ArrayLike<number>): number[] {
  return Array.from(row, (x) => 1 / (1 + Math.exp(-x)));
}

/** The places of the largest scores, the best first. */
export function bestOf(scores: readonly number[], count: number = scores.length): number[] {
  const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  return order.slice(0, count);
}

/**
 * The names of a head's classes, by id: `id2label` of `config.json`, which must fit the head, or LABEL_0, LABEL_1 ….
 * @param count how many classes the head tells apart
 */
export function labelsOf({ config, location }: Model, count: number): string[] {
  const { id2label, label2id } = config as { id2label?: unknown; label2id?: unknown };
  if (id2label === undefined || id2label === null) return Array.from({ length: count }, (_, id) => `LABEL_${id}`);
  const what = `${location}: config.json: id2label`;
  check(typeof id2label === "object", "config", () => `${what} must be an object of labels by id`);
  const entries = Object.entries(id2label as Record<string, unknown>);
  check(
    entries.length === count,
    "config",
    () => `${what} names ${entries.length} labels, the head has ${count}; check that both belong together`,
  );
  return Array.from({ length: count }, (_, id) => {
    const label = (id2label as Record<string, unknown>)[id];
    check(
      typeof label === "string" && label.trim() !== "",
      "config",
      () => `${what} must name label ${id} with a text; got ${JSON.stringify(label)}`,
    );
    const back = (label2id as Record<string, unknown> | undefined | null)?.[label];
    check(
      back === undefined || Number(back) === id,
      "config",
      () => `${what} calls label ${id} ${JSON.stringify(label)}, label2id gives that name the id ${back}`,
    );
    return label;
  });
}
