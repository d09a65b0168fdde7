/** A field of a README.md's front matter, lists with commas between; undefined where it is absent. */
function field(readme: string, name: string): string | undefined {
  const [, front] = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(readme) ?? [];
  if (front === undefined) return undefined;
  const [, inline, list] =
    new RegExp(`^${name}:[ \\t]*(\\S[^\\r\\n]*)?((?:\\r?\\n[ \\t]*- [^\\r\\n]*)*)`, "m").exec(front) ?? [];
  const items = [...(list ?? "").matchAll(/- ([^\r\n]*)/g)].map(([, item]) => item as string);
  const values = inline === undefined ? items : inline.replace(/^\[(.*)\]$/, "$1").split(",");
  const plain = values.map((value) =>
    value
      .replace(/\s#.*$/, "")
      .trim()
      .replace(/^(["'])(.*)\1$/, "$2"),
  );
  return plain.filter(Boolean).join(", ") || undefined;
}

/** The licence that the front matter of a README.md names; undefined where it names none. */
export function licenceOf(readme: string): string | undefined {
  const licence = field(readme, "license");
  return licence === "other" ? (field(readme, "license_name") ?? licence) : licence;
}

/** A restriction of commercial use that a card states beside its licence, in our shipped models' own field. */
export function commercialUseOf(readme: string): string | undefined {
  return field(readme, "commercial_use");
}

/** Tasks by the ending of a class in `architectures`. */
const headTasks: Readonly<Record<string, string>> = {
  ForCausalLM: "text-generation",
  LMHeadModel: "text-generation",
  ForSequenceClassification: "text-classification",
  ForTokenClassification: "token-classification",
  ForQuestionAnswering: "question-answering",
  ForMaskedLM: "fill-mask",
  ForConditionalGeneration: "text2text-generation",
  MTModel: "translation",
};

/** The task that a card names, else the one that the head in `config.json` is for. */
export function taskOf(readme: string, { architectures }: Readonly<Record<string, unknown>>): string | undefined {
  const named = field(readme, "pipeline_tag");
  if (named !== undefined) return named;
  const [head] = Array.isArray(architectures) ? architectures : [];
  if (typeof head !== "string") return undefined;
  return Object.entries(headTasks).find(([ending]) => head.endsWith(ending))?.[1];
}
