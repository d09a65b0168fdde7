import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { openDirectory } from "../formats/index.ts";
import { loadTokenizer } from "../tokenizers/index.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { parseIds, printJson, readText, type Terminal } from "./terminal.ts";

interface TokenizeFlags extends ModelFlags {
  readonly decode?: string;
  readonly pair?: string;
  readonly specialTokens: boolean;
  readonly skipSpecialTokens?: boolean;
}

/** `lectern tokenize MODEL [TEXT]` */
export function tokenizeCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  return root
    .command("tokenize")
    .description("Turn text into a model's tokens, or tokens into text.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[text]", "the text; - reads standard input", "-")
    .option("--decode <ids>", "turn ids into text: 1,2,3")
    .option("--pair <text>", "a second text")
    .option("--no-special-tokens", "add no start or end tokens")
    .option("--skip-special-tokens", "leave special tokens out of decoded text")
    .action(async (model: string, text: string, flags: TokenizeFlags) => {
      const tokenizer = await loadTokenizer(
        await openDirectory(await resolveModel(model, { flags, terminal, signal }, "tokenizer")),
      );
      if (!tokenizer) throw new LecternError("file", `${model} has no tokenizer`);
      if (flags.decode !== undefined) {
        const decoded = tokenizer.decode(parseIds(flags.decode), {
          skipSpecialTokens: flags.skipSpecialTokens === true,
        });
        if (flags.json) printJson(terminal, { text: decoded });
        else terminal.stdout.write(`${decoded}\n`);
        return;
      }
      const pair = flags.pair === undefined ? {} : { pair: flags.pair };
      const { ids, tokens, offsets } = tokenizer.encode(await readText(text, terminal), {
        ...pair,
        addSpecialTokens: flags.specialTokens,
        offsets: true,
      });
      if (flags.json) printJson(terminal, { ids, tokens, offsets });
      else for (const [i, id] of ids.entries()) terminal.stdout.write(`${id}\t${tokens[i]}\n`);
    });
}
