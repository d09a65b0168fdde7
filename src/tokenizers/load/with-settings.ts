import { check, ownEntry } from "../../common/index.ts";
import { idsOfAdded } from "../added-tokens.ts";
import { isPart, type Part } from "../json.ts";
import type { ClassInput, ClassRule } from "./class-rule.ts";
import { classRules } from "./class-rules.ts";
import type { Settings } from "./settings.ts";
import { declaredTokens, flagsOf, type GivenToken, ROLES, textOfToken, tokensToAdd } from "./special-tokens.ts";
import { tokenizerClass } from "./tokenizer-class.ts";

/**
 * A `tokenizer.json` and its settings as transformers 5 combines them on load: the tokenizer's class makes parts of the
 * pipeline anew from its settings (`do_lower_case`, `add_prefix_space`, …), and tokens that only the settings declare
 * are added. A file whose model is of another kind than the class's keeps its own pipeline.
 * @param isFile whether the directory holds a `tokenizer.json`; what is converted from other files has its settings
 */
export function withSettings(json: Part, settings: Settings, isFile: boolean): { json: Part; config: Part } {
  const rule = ruleOf(json, settings);
  const declared = declaredTokens(settings, json.added_tokens);
  const padding = isPart(json.padding) ? json.padding : {};
  const named = new Map<string, GivenToken>();
  for (const role of ROLES) {
    const usual = rule?.tokens[role] ?? (role === "pad_token" ? padding.pad_token : undefined);
    const token = declared.named.has(role) ? declared.named.get(role) : usual;
    if (token !== null && token !== undefined) named.set(role, token as GivenToken);
  }
  const extra = declared.extra ?? rule?.extra?.(settings.own, declared.additional ?? []) ?? declared.additional ?? [];
  const isRebuilt = rule !== undefined && isFile;
  const own = Array.isArray(json.added_tokens) && !isRebuilt ? json.added_tokens : [];
  const special = { named: [...named.values(), ...declared.specific.values()], extra };
  const more = tokensToAdd(own.filter(isPart).map(flagsOf), declared.listed, special);
  const listed = new Set(
    Array.isArray(json.added_tokens) ? json.added_tokens.filter(isPart).map(({ content }) => content) : [],
  );
  const added = [...own, ...more.map((token) => ({ ...token, declared: !listed.has(token.content) }))];
  const parts = isRebuilt ? rebuilt(rule, json, { settings, named, added }) : {};
  return {
    json: { ...json, ...parts, added_tokens: added },
    config: {
      ...settings.config,
      ...Object.fromEntries(ROLES.map((role) => [role, textOf(named.get(role))])),
      model_specific_special_tokens: Object.fromEntries(
        [...declared.specific].map(([key, token]) => [key, textOf(token)]),
      ),
      additional_special_tokens: undefined,
      extra_special_tokens: extra.map(textOfToken),
      padding_side: sideOf(settings.own, "padding_side", padding.direction) ?? rule?.paddingSide,
    },
  };
}

/** The rule of a directory's class, where its file's model is the class's. */
function ruleOf({ model, pre_tokenizer, decoder }: Part, { own, model: config }: Settings): ClassRule | undefined {
  const name = tokenizerClass(own, config);
  const rule = ownEntry(classRules, name);
  if (!rule || !isPart(model)) return undefined;
  const kind = model.type ?? ("merges" in model ? "BPE" : Array.isArray(model.vocab) ? "Unigram" : "WordPiece");
  if (kind !== rule.model || Array.isArray(model.vocab) !== (kind === "Unigram")) return undefined;
  const isByteLevel = JSON.stringify([pre_tokenizer, decoder]).includes('"ByteLevel"');
  return kind !== "BPE" || isByteLevel === rule.isByteLevel ? rule : undefined;
}

function rebuilt(
  rule: ClassRule,
  json: Part,
  made: { settings: Settings; named: ReadonlyMap<string, GivenToken>; added: readonly unknown[] },
): Part {
  const contents = made.added.map((token) => (isPart(token) ? String(token.content) : ""));
  let ids: ReadonlyMap<string, number> | undefined;
  const input: ClassInput = {
    json,
    config: made.settings.own,
    token: (role) => textOf(made.named.get(role)) ?? "",
    id: (token) => {
      ids ??= allIds(json.model, contents);
      const id = ids.get(token);
      check(
        id !== undefined,
        "file",
        () => `tokenizer.json has no ${JSON.stringify(token)}, which its class adds to texts`,
      );
      return id;
    },
  };
  const template = rule.template && { post_processor: rule.template(input) };
  return { ...rule.parts(input), ...template };
}

/** The ids of a model's tokens and of those that are added to it. */
function allIds(model: unknown, added: readonly string[]): ReadonlyMap<string, number> {
  const vocab: unknown = isPart(model) ? model.vocab : undefined;
  const entries = Array.isArray(vocab)
    ? vocab.map((entry: unknown, id): [string, number] => [Array.isArray(entry) ? String(entry[0]) : "", id])
    : Object.entries(isPart(vocab) ? vocab : {}).map(([token, id]): [string, number] => [token, Number(id)]);
  const ids = new Map(entries);
  for (const [token, id] of idsOfAdded(added, ids)) ids.set(token, id);
  return ids;
}

const textOf = (token: GivenToken | undefined): string | undefined =>
  token === undefined ? undefined : textOfToken(token);

/** `left` or `right`; settings go before what `tokenizer.json` says. */
function sideOf(config: Part, key: string, direction: unknown): "left" | "right" | undefined {
  const side = config[key] ?? (typeof direction === "string" ? direction.toLowerCase() : undefined);
  if (side === undefined) return undefined;
  check(
    side === "left" || side === "right",
    "file",
    () => `tokenizer_config.json: ${key} must be left or right; got ${JSON.stringify(side)}`,
  );
  return side;
}
