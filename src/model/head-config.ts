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
