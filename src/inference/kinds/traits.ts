import type { KeptConfig, Kind } from "../../families/index.ts";

/** The facts about a kind of model that code outside of its runtime asks for. */
export interface KindTraits {
  /** True if tokens attend to others, so that there are heads and weights to see. */
  readonly hasAttention: boolean;
  /** True if a full pass yields the states between layers. */
  readonly hasHiddenStates: boolean;
  /** True if a token is computed from those before it alone. */
  readonly isCausal: boolean;
  /** True if a state of fixed size passes from token to token. */
  readonly isRecurrent: boolean;
  /** True if single attention heads can be scaled in a full pass. */
  readonly masksHeads: boolean;
}

const none = { hasAttention: false, hasHiddenStates: true, isCausal: false, isRecurrent: false, masksHeads: false };

const traits: Readonly<Record<Kind, KindTraits>> = {
  decoder: { ...none, hasAttention: true, isCausal: true, masksHeads: true },
  encoder: { ...none, hasAttention: true, masksHeads: true },
  "encoder-decoder": { ...none, hasAttention: true },
  recurrent: { ...none, isCausal: true, isRecurrent: true },
  "recurrent-encoder-decoder": { ...none, hasHiddenStates: false, isRecurrent: true },
};

/** The facts about a kind of model. */
export function traitsOf(kind: Kind): KindTraits {
  return traits[kind];
}

/** True if a full pass of a model yields attention weights: some layers of it attend. */
export function attends({ kind, kept }: { readonly kind: Kind; readonly kept?: KeptConfig | undefined }): boolean {
  return traits[kind].hasAttention && kept?.attentionLayers !== 0;
}
