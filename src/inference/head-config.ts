export type Json = Readonly<Record<string, unknown>>;

/** `config.json` of a model that gets another head: `BertModel` becomes `BertForTokenClassification`. */
export function withHead(json: Json, ending: string): Json {
  const [named = ""] = (json.architectures ?? []) as string[];
  return { ...json, architectures: [named.replace(/((LMHead|DoubleHeads)?Model|For\w+)$/, "") + ending] };
}

/** `config.json` of a model that tells these classes. */
export function withLabels({ num_labels, ...json }: Json, labels: readonly string[]): Json {
  return {
    ...json,
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
  };
}

/** The names of classes that transformers gives where none are said. */
export const defaultLabels = (count: number): string[] => Array.from({ length: count }, (_, id) => `LABEL_${id}`);

/** The names of the classes that `config.json` says, by id; transformers' default is two. */
export function classesOf(json: Json): string[] {
  const { id2label, num_labels: count = 2 } = json as { id2label?: Record<string, string>; num_labels?: number };
  if (!id2label) return defaultLabels(count);
  return Array.from({ length: Object.keys(id2label).length }, (_, id) => String(id2label[id]));
}

/** True if two `config.json` of one model say the same head and classes. */
export function isSameHead(a: Json, b: Json): boolean {
  const said = (json: Json): string =>
    JSON.stringify([json.architectures, classesOf(json), json.problem_type ?? "single_label_classification"]);
  return said(a) === said(b);
}
