import { check, LecternError } from "../common/index.ts";
import { taskSettings } from "./generation.ts";
import type { TaskContext } from "./task.ts";

/** The source and target language of a translation. */
export interface Languages {
  /** The language of the text, as the model calls it: `en`, `en_XX`, `eng_Latn`. */
  readonly srcLang?: string;
  /** The language to translate into. */
  readonly tgtLang?: string;
}

/** The way that a model is given languages. */
export interface LanguageSource {
  /** The name under which the checkpoint may have settings, such as `translation_en_to_de`. */
  readonly task: string;
  /** The prefix of each text; undefined: as the checkpoint's settings say. */
  readonly prefix: string | undefined;
  /** Puts the source language's token where the model was trained to see it. */
  readonly wrap: (ids: readonly number[]) => readonly number[];
  /** The token that the translation must begin with. */
  readonly forcedBosTokenId: number | undefined;
}

const TASK = /^translation_(.+)_to_(.+)$/;

/** The ways to name languages to a model: a prefix in words (T5), a token in the text (Marian), or tokens on both sides. */
export function languageSource(context: TaskContext, options: Languages): LanguageSource {
  const inTask = TASK.exec(context.task);
  const srcLang = options.srcLang ?? inTask?.[1];
  const tgtLang = options.tgtLang ?? inTask?.[2];
  const plain = { task: context.task, prefix: undefined, wrap: unchanged, forcedBosTokenId: undefined };
  if (srcLang === undefined && tgtLang === undefined) return plain;
  const type = String(context.model.config.model_type);
  const pairs = pairsOf(context);
  const fitting = pairs.filter((task) => {
    const [, source, target] = TASK.exec(task) ?? [];
    return (srcLang ?? source) === source && (tgtLang ?? target) === target;
  });
  const [pair] = fitting;
  if (pair !== undefined && fitting.length === 1)
    return { ...plain, task: pair, prefix: taskSettings({ ...context, task: pair }).prefix };
  const told = pairs.map((task) => task.replace(TASK, "$1 to $2")).join(", ");
  check(
    pairs.length === 0 || type.includes("t5"),
    "usage",
    () => `${context.task}: ${context.model.location} supports ${told}; got ${givenLanguages(srcLang, tgtLang)}`,
  );
  if (type === "t5" || type === "mt5" || type === "umt5") return inWords(context, srcLang, tgtLang);
  if (type === "marian") return inText(context, options, tgtLang);
  if (type === "mbart" || type === "m2m_100") return asTokens(context, srcLang, tgtLang);
  const { task_specific_params: settings } = context.model.config as { task_specific_params?: object };
  check(
    (options.srcLang === undefined && options.tgtLang === undefined) || Object.hasOwn(settings ?? {}, context.task),
    "unsupported",
    () =>
      `${context.task}: this ${context.model.family} translates between the languages it was trained on and does not take language codes: leave out srcLang and tgtLang`,
  );
  return plain;
}

/** The pairs of languages that the checkpoint has a prefix for, as names of tasks. */
function pairsOf({ model }: TaskContext): string[] {
  const { task_specific_params: settings } = model.config as { task_specific_params?: Record<string, object> | null };
  return Object.entries(settings ?? {}).flatMap(([task, one]) =>
    TASK.test(task) && Object.hasOwn(one, "prefix") ? [task] : [],
  );
}

function unchanged(ids: readonly number[]): readonly number[] {
  return ids;
}

/** "translate English to German: ", as T5 was trained, unless the checkpoint has settings for the pair. */
function inWords(context: TaskContext, srcLang: string | undefined, tgtLang: string | undefined): LanguageSource {
  if (srcLang === undefined || tgtLang === undefined)
    throw new LecternError("usage", `${context.task}: T5 needs both languages in its prefix: give srcLang and tgtLang`);
  const task = `translation_${srcLang}_to_${tgtLang}`;
  const known = taskSettings({ ...context, task }).prefix;
  const prefix = known ?? `translate ${nameOf(context, srcLang)} to ${nameOf(context, tgtLang)}: `;
  return { task, prefix, wrap: unchanged, forcedBosTokenId: undefined };
}

function nameOf({ task }: TaskContext, code: string): string {
  const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });
  try {
    const name = names.of(code);
    if (name !== undefined) return name;
  } catch {
    // not even the form of a language code
  }
  throw new LecternError("usage", `${task}: ${JSON.stringify(code)} is no language; give a code such as de`);
}

/** Marian models of several target languages read `>>fra<<` before the text. */
function inText(
  context: TaskContext,
  { srcLang, tgtLang: asked }: Languages,
  tgtLang: string | undefined,
): LanguageSource {
  const { task, model, tokenizer } = context;
  if (srcLang !== undefined)
    throw new LecternError("unsupported", `${task}: Marian takes no source language: leave out srcLang`);
  const token = `>>${tgtLang}<<`;
  const isKnown = tokenizer.id(token) !== undefined;
  check(
    isKnown || asked === undefined,
    "usage",
    () =>
      `${task}: ${model.location} has no token ${token}: it translates into one language, or calls this one otherwise`,
  );
  return { task, prefix: isKnown ? `${token} ` : undefined, wrap: unchanged, forcedBosTokenId: undefined };
}

/** mBART, M2M-100 and NLLB: a token of the source beside the text, and one of the target that the answer begins with. */
function asTokens(context: TaskContext, srcLang: string | undefined, tgtLang: string | undefined): LanguageSource {
  const { task, tokenizer, model } = context;
  const idOf = (code: string): number => {
    const id = tokenizer.id(code) ?? tokenizer.id(`__${code}__`);
    if (id === undefined)
      throw new LecternError(
        "usage",
        `${task}: the tokenizer of ${model.location} has no token for ${JSON.stringify(code)}`,
      );
    return id;
  };
  const eos = tokenizer.specialId("eos_token");
  const isBehind = /^MBartTokenizer/.test(tokenizer.className ?? ""); // mBART-25 ends with the language
  const source = srcLang === undefined ? undefined : idOf(srcLang);
  const isLanguage = (id: number | undefined): boolean =>
    id !== undefined && /^(__[a-z]{2,3}__|[a-z]{2}_[A-Z]{2}|[a-z]{3}_[A-Z][a-z]{3})$/.test(tokenizer.token(id) ?? "");
  const wrap = (ids: readonly number[]): readonly number[] => {
    if (source === undefined) return ids;
    const bare = ids.filter(
      (id, at) => !(id === eos && at >= ids.length - 2) && !(isLanguage(id) && (at === 0 || at === ids.length - 1)),
    );
    const end = eos === undefined ? [] : [eos];
    return isBehind ? [...bare, ...end, source] : [source, ...bare, ...end];
  };
  const forcedBosTokenId = tgtLang === undefined ? undefined : idOf(tgtLang);
  return { task, prefix: undefined, wrap, forcedBosTokenId };
}

/** The languages of a call as its options: `srcLang en, tgtLang es`. */
function givenLanguages(srcLang: string | undefined, tgtLang: string | undefined): string {
  const given = Object.entries({ srcLang, tgtLang }).filter(([, code]) => code !== undefined);
  return given.map(([name, code]) => `${name} ${code}`).join(", ");
}
