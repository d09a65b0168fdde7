import { LecternError } from "../common/index.ts";
import type { Finding } from "../prompting/index.ts";
import type { CommandContext } from "./models.ts";
import { openModel } from "./models.ts";
import { counted, number } from "./numbers.ts";
import type { ExampleFlags } from "./prompt.ts";
import { examplesOf, valuesOf } from "./prompt-values.ts";
import { printJson } from "./terminal.ts";

interface CheckContext extends CommandContext {
  readonly flags: ExampleFlags;
}

/** A finding, and the prompt that it is in; `file`: the prompt cannot be read. */
type FoundIn = Omit<Finding, "rule"> & { readonly rule: Finding["rule"] | "file"; readonly prompt: string };

/** `lectern prompt check [PROMPT…]` */
export async function promptCheck(names: readonly string[], context: CheckContext): Promise<void> {
  const { flags, terminal } = context;
  const { checkPrompt, listPrompts, readPrompt } = await import("./lazy/prompting.ts");
  const paths = names.length > 0 ? names : (await listPrompts(flags.folder)).map(({ path }) => path);
  await using model = flags.model === undefined ? undefined : await openModel(flags.model, context);
  const examples = flags.examples === undefined ? undefined : await examplesOf(flags.examples);
  const all: FoundIn[] = [];
  for (const path of paths) {
    const prompt = await readPrompt(path, flags.folder).catch((cause: unknown) => {
      if (!(cause instanceof LecternError) || paths.length === 1) throw cause;
      all.push({ prompt: path, rule: "file", severity: "error", message: cause.message });
    });
    if (!prompt) continue;
    const values = await valuesOf(prompt, flags);
    const findings = checkPrompt(prompt, {
      tokenizer: model?.tokenizer,
      window: model && Number.isFinite(model.contextWindow) ? model.contextWindow : undefined,
      reserve: number("--reserve", flags.reserve, "a whole number from 0"),
      values: Object.keys(values).length > 0 ? values : undefined,
      examples,
    });
    all.push(...findings.map((finding) => ({ prompt: path, ...finding })));
  }
  const errors = all.filter(({ severity }) => severity === "error").length;
  if (errors > 0) terminal.exitCode = 1;
  if (flags.json) return printJson(terminal, { prompts: paths.length, errors, findings: all });
  for (const { prompt, severity, rule, message } of all)
    terminal.stdout.write(`${prompt}: ${severity} (${rule}): ${message}\n`);
  if (!flags.quiet)
    terminal.stderr.write(
      `${counted(paths.length, "prompt")}, ${counted(errors, "error")}, ${counted(all.length - errors, "warning")}\n`,
    );
}
