import { LecternError, shown } from "../common/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { encodePrompt } from "./budget.ts";
import type { Prompt, RenderedPrompt } from "./prompt.ts";
import type { Values, ValuesOf, Variable } from "./variables.ts";

/** A fault of a prompt. */
export interface Finding {
  /** The rule that it breaks. */
  readonly rule:
    | "undefined-variable"
    | "unused-variable"
    | "trailing-space"
    | "special-token"
    | "chat-template"
    | "too-long"
    | "example";
  /** An `error` cannot work as written; a `warning` usually lowers quality. */
  readonly severity: "error" | "warning";
  /** The finding in a sentence, for people. */
  readonly message: string;
}

/** What a prompt is checked against. */
export interface CheckOptions {
  /** The tokenizer of the model that it is for. */
  readonly tokenizer?: Tokenizer | undefined;
  /** The model's context window, in tokens. */
  readonly window?: number | undefined;
  /** Tokens that are kept for the answer; default 0. */
  readonly reserve?: number | undefined;
  /** Values to render it with; default empty ones, or the first of an enum. */
  readonly values?: Values | undefined;
  /** The examples that it is used with. */
  readonly examples?: readonly Values[] | undefined;
}

/** What the checks need of a prompt, whatever its variables are. */
type Checked = Pick<Prompt, "variables" | "reads" | "example" | "pick" | "isChat"> & {
  readonly render: (values: Values) => RenderedPrompt;
};

const templates = ["instruction", "template", "answer"] as const;

/** Finds faults of a prompt before a model runs: those of its templates, and with a tokenizer those of its tokens. */
export function checkPrompt<V extends Readonly<Record<string, Variable>>>(
  given: Prompt<V>,
  options: CheckOptions = {},
): Finding[] {
  const prompt: Checked = {
    variables: given.variables,
    isChat: given.isChat,
    reads: (name) => given.reads(name),
    example: (values) => given.example(values),
    pick: (row) => given.pick(row),
    render: (values) => given.render(values as ValuesOf<V>),
  };
  const undefinedNames = variableFindings(prompt);
  const hasUndefined = undefinedNames.some(({ severity }) => severity === "error");
  return [
    ...undefinedNames,
    ...exampleFindings(prompt, options.examples ?? []),
    ...(hasUndefined ? [] : renderedFindings(prompt, options)),
  ];
}

function variableFindings(prompt: Checked): Finding[] {
  const read = new Set(templates.flatMap((name) => prompt.reads(name)));
  const missing = [...read].filter((name) => !prompt.variables.has(name));
  const unused = [...prompt.variables.keys()].filter((name) => !read.has(name));
  return [
    ...missing.map(
      (name): Finding => ({
        rule: "undefined-variable",
        severity: "error",
        message: `the template reads ${name}, which is not among its variables`,
      }),
    ),
    ...unused.map(
      (name): Finding => ({
        rule: "unused-variable",
        severity: "warning",
        message: `variable ${name} is declared, and no template reads it`,
      }),
    ),
  ];
}

function exampleFindings(prompt: Checked, examples: readonly Values[]): Finding[] {
  const findings: Finding[] = [];
  const first = new Map<string, number>();
  for (const [i, row] of examples.entries()) {
    try {
      const { item, answer } = prompt.example(prompt.pick(row));
      const known = first.get(item);
      if (known !== undefined)
        findings.push({
          rule: "example",
          severity: "warning",
          message: `examples ${known + 1} and ${i + 1} ask the same${prompt.example(prompt.pick(examples[known] as Values)).answer === answer ? "" : " and answer differently"}: ${shown(item)}`,
        });
      else first.set(item, i);
    } catch (cause) {
      if (!(cause instanceof LecternError)) throw cause;
      findings.push({ rule: "example", severity: "error", message: `example ${i + 1}: ${cause.message}` });
    }
  }
  return findings;
}

function renderedFindings(prompt: Checked, { tokenizer, window, reserve = 0, values }: CheckOptions): Finding[] {
  const given = values ?? emptyValues(prompt);
  const rendered = prompt.render(given);
  const findings: Finding[] = [];
  const end = rendered.parts.at(-1)?.text as string;
  if (!prompt.isChat && /[ \t]$/.test(end))
    findings.push({
      rule: "trailing-space",
      severity: "warning",
      message: `the prompt ends with a space, and most tokenizers put it before the next word: write it at the start of the answer; the end is ${shown(end.slice(-20))}`,
    });
  if (!tokenizer) return findings;
  findings.push(...specialTokenFindings(given, tokenizer), ...chatFindings(prompt, tokenizer));
  if (window === undefined || (prompt.isChat && !tokenizer.hasChatTemplate)) return findings;
  const { length } = encodePrompt(rendered, tokenizer).ids;
  if (length + reserve > window)
    findings.push({
      rule: "too-long",
      severity: "error",
      message: `${values ? "the prompt" : "the template alone"} has ${length} tokens${reserve > 0 ? ` and ${reserve} are kept for the answer` : ""}: ${length + reserve - window} more than the window of ${window}`,
    });
  return findings;
}

/** Values that hold the text of a special token, which the tokenizer would read as that token. */
export function specialTokenFindings(values: Values, tokenizer: Tokenizer): Finding[] {
  const special = [...tokenizer.specialIds].flatMap((id) => tokenizer.token(id) ?? []);
  return Object.entries(values).flatMap(([name, value]) => {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
    return special
      .filter((token) => text.includes(token))
      .map(
        (token): Finding => ({
          rule: "special-token",
          severity: "error",
          message: `variable ${name} holds ${shown(token)}, which this tokenizer reads as a special token, not as text`,
        }),
      );
  });
}

function chatFindings(prompt: Checked, tokenizer: Tokenizer): Finding[] {
  if (prompt.isChat && !tokenizer.hasChatTemplate)
    return [
      {
        rule: "chat-template",
        severity: "error",
        message: "the prompt is a chat, and this model has no chat template",
      },
    ];
  if (!prompt.isChat && tokenizer.hasChatTemplate)
    return [
      {
        rule: "chat-template",
        severity: "warning",
        message: "this model was trained on a chat template, and the prompt does not use it: set chat: true",
      },
    ];
  return [];
}

function emptyValues(prompt: Checked): Values {
  const empty = { string: "", number: 0, integer: 0, boolean: false, array: [], object: {} };
  return Object.fromEntries(
    [...prompt.variables].map(([name, settings]) => [
      name,
      settings.default ?? settings.enum?.[0] ?? empty[settings.type],
    ]),
  );
}
