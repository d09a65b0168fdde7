export type Json = Readonly<Record<string, unknown>>;

/** `config.json` of a model that gets another head: `BertModel` becomes `BertForTokenClassification`. */
export function withHead(json: Json, ending: string): Json {
  const [named = ""] = (json.architectures ?? []) as string[];
  return { ...json, architectures: [named.replace(/(Model|For\w+)$/, "") + ending] };
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

/** Whether two `config.json` of one model say the same head and classes. */
export function isSameHead(a: Json, b: Json): boolean {
  const said = ({ architectures, id2label, num_labels, problem_type }: Json): string => {
    const labels = id2label ?? { ...defaultLabels((num_labels ?? 2) as number) };
    return JSON.stringify([architectures, labels, problem_type ?? "single_label_classification"]);
  };
  return said(a) === said(b);
}
