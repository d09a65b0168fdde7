import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { checkInput } from "./pipeline-command.ts";
import { readText } from "./stdin.ts";
import { parseIds, printJson, type Terminal } from "./terminal.ts";

interface TokenizeFlags extends ModelFlags {
  readonly decode?: string;
  readonly pair?: string;
  readonly specialTokens: boolean;
  readonly skipSpecialTokens?: boolean;
}

/** `lectern tokenize MODEL [TEXT]` */
export function tokenizeCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[text]", "the text; without one, or with -, all of standard input")
    .option("--decode <ids>", "token ids to turn into text: 1,2,3")
    .option("--pair <text>", "a second text")
    .option("--no-special-tokens", "add no start or end tokens")
    .option("--skip-special-tokens", "leave special tokens out of decoded text")
    .action(async (model: string, text: string | undefined, flags: TokenizeFlags) => {
      if (flags.decode === undefined) checkInput(text, terminal);
      const { openDirectory } = await import("./lazy/formats.ts");
      const { loadTokenizer } = await import("./lazy/tokenizers.ts");
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
      const { ids, tokens, offsets } = tokenizer.encode(await readText(text ?? "-", terminal), {
        ...pair,
        addSpecialTokens: flags.specialTokens,
        offsets: true,
      });
      if (flags.json) printJson(terminal, { ids, tokens, offsets });
      else for (const [i, id] of ids.entries()) terminal.stdout.write(`${id}\t${tokens[i]}\n`);
    });
}
