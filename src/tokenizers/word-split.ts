/** The parts of the library's tokenizer that decide how much text its merge loop sees at once. */
export interface SplittableCore {
  pre_tokenizer: ((text: string) => string[]) | null;
  readonly model: { readonly config: { readonly type?: string } } | null;
  get_vocab(): Map<string, number>;
}

/** A word with the ▁ before it. */
const WORD = /▁*[^▁]+|▁+/g;

/**
 * Cuts text before each ▁ that follows another character, for tokenizers that give the merge loop the whole text:
 * its time grows faster than its input. Where no token holds a ▁ behind another character no merge crosses such a
 * cut, so the tokens stay the same; where one does, nothing is changed.
 */
export function splitAtWords(core: SplittableCore): void {
  if (core.pre_tokenizer !== null || core.model?.config.type !== "BPE") return;
  for (const token of core.get_vocab().keys()) if (/[^▁]▁/.test(token)) return;
  core.pre_tokenizer = (text) => text.match(WORD) ?? [];
}
