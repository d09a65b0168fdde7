import { check } from "../../common/index.ts";
import { flagOf, isPart, type Part } from "../json.ts";
import type { AddedEntry, Settings } from "./settings.ts";

/** A token and its flags, as the tokenizers library's `AddedToken`. */
export type TokenFlags = Omit<AddedEntry, "id">;

/** A token as settings give it: its text alone, or with flags. */
export type GivenToken = string | TokenFlags;

/** The roles that every tokenizer has, in transformers' order. */
export const ROLES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/** Special tokens as the files beside `tokenizer.json` declare them. */
export interface DeclaredTokens {
  /** By role; null where a file says that there is none, absent where no file says anything. */
  readonly named: ReadonlyMap<string, GivenToken | null>;
  /** Roles of one model, such as `image_token`. */
  readonly specific: ReadonlyMap<string, GivenToken>;
  /** Special tokens without a role; undefined where no file lists any. */
  readonly extra: readonly GivenToken[] | undefined;
  /** The older list of these, where the newer one is absent. Classes with tokens of their own extend it. */
  readonly additional: readonly GivenToken[] | undefined;
  /** Tokens with ids, by id. */
  readonly listed: readonly TokenFlags[];
}

export const textOfToken = (token: GivenToken): string => (typeof token === "string" ? token : token.content);

/**
 * Reads the tokens that `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` declare, as
 * transformers 5 does: where the first has `added_tokens_decoder`, the other two are not read.
 * @param own the `added_tokens` of `tokenizer.json`
 */
export function declaredTokens({ own: config, special, added }: Settings, own: unknown): DeclaredTokens {
  const settings: Record<string, unknown> = { ...config };
  if ("additional_special_tokens" in settings && !isFilled(settings.extra_special_tokens)) {
    settings.extra_special_tokens = settings.additional_special_tokens;
    delete settings.additional_special_tokens;
  }
  const listed = isPart(config.added_tokens_decoder)
    ? byId(Object.entries(config.added_tokens_decoder))
    : legacyTokens(settings, { special, added, own: Array.isArray(own) ? own.filter(isPart) : [] });
  const known = new Map(listed.map((token) => [token.content, token]));
  const specific = new Map<string, GivenToken>();
  const named = new Map<string, GivenToken | null>();
  for (const [key, value] of Object.entries(settings)) {
    const isRole = ROLES.includes(key);
    if (!isRole && !(key.endsWith("_token") && isToken(value))) continue;
    const token = givenToken(value, key);
    if (isRole) named.set(key, token === null ? null : (known.get(textOfToken(token)) ?? token));
    else if (token !== null) specific.set(key, token);
  }
  const { extra_special_tokens: extra } = settings;
  if (isPart(extra))
    for (const [key, value] of Object.entries(extra)) {
      const token = givenToken(value, `extra_special_tokens.${key}`);
      if (token !== null) specific.set(key, token);
    }
  const extras = extra === undefined || isPart(extra) ? undefined : listOf(extra);
  const { additional_special_tokens: older } = settings;
  const additional = older === undefined || extras !== undefined ? undefined : listOf(older);
  return { named, specific, extra: extras, additional, listed };
}

function listOf(value: unknown): readonly GivenToken[] {
  check(
    Array.isArray(value ?? []),
    "file",
    () => `tokenizer_config.json: extra_special_tokens must be a list or an object; got ${JSON.stringify(value)}`,
  );
  return ((value ?? []) as unknown[]).flatMap((one, i) => givenToken(one, `extra_special_tokens[${i}]`) ?? []);
}

/** Directories of older versions: special tokens have a file of their own, and so have added ones. */
function legacyTokens(
  settings: Record<string, unknown>,
  { special, added, own }: { special: Part; added: Part; own: readonly Part[] },
): TokenFlags[] {
  for (const [key, value] of Object.entries(special)) {
    if (key === "extra_special_tokens" && Array.isArray(value)) {
      const before = Array.isArray(settings[key]) ? settings[key] : [];
      settings[key] = [...before, ...value.filter((token) => !before.includes(token))];
    } else settings[key] = value;
  }
  const { extra_special_tokens: extra } = settings;
  const values = [...ROLES.map((role) => settings[role]), ...(Array.isArray(extra) ? extra : [])];
  const names = new Set(values.map((value) => (isPart(value) ? value.content : value)));
  const entries = Object.entries(added).map(([content, id]): [string, unknown] => {
    const isSpecial = names.has(content);
    return [String(id), { content, special: isSpecial, normalized: !isSpecial }];
  });
  const byNumber = new Map([...entries, ...own.map((token): [string, unknown] => [String(token.id), token])]);
  return byId([...byNumber]);
}

function byId(entries: readonly (readonly [id: string, token: unknown])[]): TokenFlags[] {
  return entries
    .map(([id, token]) => {
      check(
        /^\d+$/.test(id) && isPart(token) && typeof token.content === "string",
        "file",
        () =>
          `tokenizer_config.json: added_tokens_decoder must hold ids and tokens; got ${JSON.stringify(id)}: ${JSON.stringify(token)}`,
      );
      return { id: Number(id), token: flagsOf(token) };
    })
    .sort((a, b) => a.id - b.id)
    .map(({ token }) => token);
}

const isToken = (value: unknown): boolean =>
  typeof value === "string" || (isPart(value) && typeof value.content === "string");

function givenToken(value: unknown, key: string): GivenToken | null {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "string") return value;
  check(
    isPart(value) && typeof value.content === "string",
    "file",
    () => `tokenizer_config.json: ${key} must be a token or an object with its content; got ${JSON.stringify(value)}`,
  );
  return flagsOf(value);
}

/** A token's flags with the tokenizers library's defaults. */
export function flagsOf(token: Part): TokenFlags {
  const special = flagOf(token, "special", false);
  return {
    content: String(token.content),
    special,
    normalized: flagOf(token, "normalized", !special),
    lstrip: flagOf(token, "lstrip", false),
    rstrip: flagOf(token, "rstrip", false),
    single_word: flagOf(token, "single_word", false),
  };
}

const isFilled = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : isPart(value) ? Object.keys(value).length > 0 : Boolean(value);

const sameToken = (a: TokenFlags, b: TokenFlags): boolean =>
  a.content === b.content &&
  a.special === b.special &&
  a.normalized === b.normalized &&
  a.lstrip === b.lstrip &&
  a.rstrip === b.rstrip &&
  a.single_word === b.single_word;

/** Everything that a tokenizer adds after the tokens that it has, in transformers' order. */
export function tokensToAdd(
  has: readonly TokenFlags[],
  listed: readonly TokenFlags[],
  special: { readonly named: readonly GivenToken[]; readonly extra: readonly GivenToken[] },
): TokenFlags[] {
  const names = new Set(special.named.map(textOfToken));
  const added: GivenToken[] = listed.filter((token) => !has.some((other) => sameToken(other, token)));
  const known = new Set([...has, ...added].map(textOfToken));
  for (const token of [...special.named, ...special.extra]) {
    if (known.has(textOfToken(token))) continue;
    known.add(textOfToken(token));
    added.push(token);
  }
  return added.map((token) => {
    if (typeof token === "string") return flagsOf({ content: token, special: true });
    return { ...token, special: token.special || names.has(token.content) };
  });
}
