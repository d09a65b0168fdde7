/** A byte-level BPE tokenizer of any size, which a GGUF file needs: the bytes, then pairs and triples of them. */

/** The characters that stand for bytes in byte-level BPE. */
function byteCharacters() {
  const printable = [...range(33, 126), ...range(161, 172), ...range(174, 255)];
  const others = range(0, 255).filter((byte) => !printable.includes(byte));
  return [
    ...printable.map((byte) => String.fromCodePoint(byte)),
    ...others.map((_, i) => String.fromCodePoint(256 + i)),
  ];
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

export function syntheticTokenizer(vocabularySize) {
  const characters = byteCharacters();
  const end = "<|endoftext|>";
  const count = vocabularySize - characters.length - 1;
  const pairs = characters.flatMap((a) => characters.map((b) => [a, b]));
  const triples = pairs.flatMap(([a, b], i) =>
    pairs.length + i < count
      ? [
          [a + b, a],
          [a + b, b],
        ]
      : [],
  );
  const merges = new Map([...pairs, ...triples].map(([a, b]) => [a + b, [a, b]]));
  const made = [...merges.values()].slice(0, count);
  const tokens = [...characters, ...made.map(([a, b]) => a + b), end];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  if (Object.keys(vocab).length !== vocabularySize)
    throw new Error(`a synthetic tokenizer of ${vocabularySize} tokens came out with ${Object.keys(vocab).length}`);
  const special = { id: vocabularySize - 1, content: end, single_word: false, lstrip: false, rstrip: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [{ ...special, normalized: false, special: true }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: made.map(([a, b]) => `${a} ${b}`),
    },
  };
}
