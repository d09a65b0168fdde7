import { slice, type Value } from "../../graph/index.ts";
import {
  type GlobalAttention,
  type GlobalTokens,
  joinHeads,
  linear,
  type ModelContext,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";

/** The settings of attention in windows. */
export interface LongAttention {
  /** The tokens that a token sees to either side, in each layer: half of the config's `attention_window`. */
  readonly reach: readonly number[];
  /** The tokens that see all and are seen by all where the caller names none; undefined: none. */
  readonly globalTokens: GlobalTokens | undefined;
  readonly heads: number;
  /** The dropout rate of the attention weights. */
  readonly dropout: number;
}

/**
 * Attention in windows, beside which global tokens see the whole text by projections of their own (Beltagy et al., 2020):
 * `[B, T, E]`. All scores are computed and those outside the windows hidden, so that time grows with the square of the text.
 */
export function longAttention(at: Scope, x: Value, layer: number, c: LongAttention, context: ModelContext): Value {
  const { heads, dropout } = c;
  const globalTokens = context.globalTokens(c.globalTokens);
  const size = x.shape[2] as number;
  const project = (name: string, from = x): Value => splitHeads(linear(at.in(name), from, size), heads);
  const global = (tokens: GlobalTokens): GlobalAttention => ({
    tokens,
    q: project("query_global", tokens.are === "first" ? slice(x, 1, 0, 1) : x),
    k: project("key_global"),
    v: project("value_global"),
  }); // 3 × [B, H, T, D]
  const mixed = context.attend(project("query"), project("key"), project("value"), {
    scale: (size / heads) ** -0.5,
    window: c.reach[layer],
    dropout,
    global: globalTokens && global(globalTokens),
  });
  return context.withoutPadding(joinHeads(mixed)); // padding takes nothing
}
