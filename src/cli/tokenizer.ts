import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { TokenizerKind } from "../tokenizers/index.ts";
import { tokenizerTypes } from "./choices.ts";
import { count } from "./numbers.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface TokenizerFlags extends CommonFlags {
  readonly kind: TokenizerKind;
  readonly size: string;
  readonly minFrequency?: string;
  readonly limitAlphabet?: string;
  readonly special?: string[];
  readonly sentinels?: string;
  readonly normalization?: "NFC" | "NFKC" | "NFKD";
  readonly template?: "bert" | "t5";
  readonly out: string;
}

/** `lectern tokenizer train FILES` */
export function tokenizerCommand(group: Command, terminal: Terminal): Command {
  group
    .command("train")
    .argument("<files...>", "text files, also with .gz")
    .addOption(new Option("--kind <kind>", "how text is cut").choices([...tokenizerTypes]).default("byte-level-bpe"))
    .option("--size <n>", "how many tokens, special ones among them", "8000")
    .option("--min-frequency <n>", "what stands less often is left out; default 2")
    .option("--limit-alphabet <n>", "how many characters at most")
    .option("--special <token>", "a special token; may be repeated", (value, all: string[] = []) => [...all, value])
    .option("--sentinels <n>", "how many special tokens <extra_id_0> and on, for T5's span corruption; T5 has 100")
    .addOption(
      new Option("--normalization <form>", "of a unigram tokenizer; default NFKD").choices(["NFC", "NFKC", "NFKD"]),
    )
    .addOption(
      new Option("--template <name>", "around texts: bert [CLS] A [SEP], t5 A </s>; default none").choices([
        "bert",
        "t5",
      ]),
    )
    .requiredOption("--out <directory>", "where tokenizer.json goes")
    .action(async (files: string[], flags: TokenizerFlags) => {
      const [minFrequency, limitAlphabet, sentinels] = [
        count("--min-frequency", flags.minFrequency),
        count("--limit-alphabet", flags.limitAlphabet),
        count("--sentinels", flags.sentinels),
      ];
      const { checkWritable, writeFileAtomic } = await import("./lazy/formats.ts");
      const { trainTokenizer } = await import("./lazy/tokenizers.ts");
      await checkWritable(flags.out);
      const begun = performance.now();
      const json = await trainTokenizer(linesOf(files), {
        kind: flags.kind,
        vocabularySize: count("--size", flags.size) as number,
        ...(minFrequency !== undefined && { minFrequency }),
        ...(limitAlphabet !== undefined && { limitAlphabet }),
        ...(sentinels !== undefined && { sentinels }),
        normalization: flags.normalization,
        template: flags.template,
        ...(flags.special && { specialTokens: flags.special }),
      });
      await mkdir(flags.out, { recursive: true });
      await writeFileAtomic(join(flags.out, "tokenizer.json"), JSON.stringify(json));
      await writeFileAtomic(join(flags.out, "tokenizer_config.json"), JSON.stringify(configOf(json), null, 2));
      const seconds = (performance.now() - begun) / 1000;
      const { vocab } = (json as { model: { vocab: object } }).model;
      const size = Array.isArray(vocab) ? vocab.length : Object.keys(vocab).length;
      if (flags.json) printJson(terminal, { kind: flags.kind, size, seconds, out: flags.out });
      else terminal.stdout.write(`${size} tokens in ${seconds.toFixed(1)} s, written to ${flags.out}\n`);
    });
  return group;
}

async function* linesOf(files: readonly string[]): AsyncGenerator<string> {
  const { readText } = await import("./lazy/training.ts");
  for (const file of files) yield* (await readText(file)).split("\n");
}

/** The special tokens by their names. */
function configOf(json: object): object {
  const tokens = (json as { added_tokens: { content: string }[] }).added_tokens.map(({ content }) => content);
  const named: Readonly<Record<string, RegExp>> = {
    pad_token: /^[[<]pad[\]>]$/i,
    unk_token: /^[[<]unk[\]>]$/i,
    mask_token: /^[[<]mask[\]>]$/i,
    cls_token: /^\[cls\]$/i,
    sep_token: /^\[sep\]$/i,
    bos_token: /^(<s>|<\|endoftext\|>)$/,
    eos_token: /^(<\/s>|<\|endoftext\|>)$/,
  };
  const found = Object.entries(named).flatMap(([name, pattern]) => {
    const token = tokens.find((token) => pattern.test(token));
    return token === undefined ? [] : [[name, token] as const];
  });
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...Object.fromEntries(found),
    clean_up_tokenization_spaces: false,
  };
}
