import { structuredPatch } from "diff";
import type { Prompt, RenderedPrompt } from "../prompting/index.ts";
import type { CommandContext } from "./models.ts";
import { openModel } from "./models.ts";
import type { PromptFlags } from "./prompt.ts";
import { valuesOf } from "./prompt-values.ts";
import { printJson } from "./terminal.ts";

interface DiffContext extends CommandContext {
  readonly flags: PromptFlags;
}

/** `lectern prompt diff A B` */
export async function promptDiff(a: string, b: string, context: DiffContext): Promise<void> {
  const { flags, terminal } = context;
  const { encodePrompt, readPrompt } = await import("./lazy/prompting.ts");
  const prompts = [await readPrompt(a, flags.folder), await readPrompt(b, flags.folder)] as const;
  const definitions = changed(definitionText(prompts[0]), definitionText(prompts[1]));
  const isRendered = flags.var !== undefined || flags.values !== undefined;
  const rendered = isRendered
    ? await Promise.all(prompts.map(async (prompt) => prompt.render(prompt.pick(await valuesOf(prompt, flags)))))
    : undefined;
  await using model = rendered && flags.model !== undefined ? await openModel(flags.model, context) : undefined;
  const { tokenizer } = model ?? {};
  const tokens = tokenizer && rendered?.map((each) => encodePrompt(each, tokenizer).ids.length);
  const texts = rendered && changed(renderedText(rendered[0]), renderedText(rendered[1]));
  const isEqual = definitions.length === 0;
  if (flags.json)
    return printJson(terminal, { isEqual, definition: definitions, rendered: texts ?? null, tokens: tokens ?? null });
  const section = (title: string, lines: readonly string[]): void => {
    terminal.stdout.write(lines.length === 0 ? `${title}: equal\n` : `${title}:\n${lines.join("\n")}\n`);
  };
  section("definition", definitions);
  if (texts) section("rendered", texts);
  if (tokens) terminal.stdout.write(`tokens: ${tokens.join(" → ")}\n`);
}

/** The changed lines, with three of context, as in a unified diff. */
function changed(before: string, after: string): string[] {
  const { hunks } = structuredPatch("a", "b", before, after, undefined, undefined, { context: 3 });
  return hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines.filter((line) => !line.startsWith("\\")),
  ]);
}

/** A definition as text, a line for each setting and each line of a template. */
function definitionText({ definition, variables }: Prompt): string {
  const { version, description, instruction, template, answer, separator, chat, partials = {} } = definition;
  const settings = Object.entries({ version, description, instruction, answer, separator, chat })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const declared = [...variables].map(([name, variable]) => `variable ${name}: ${JSON.stringify(variable)}`);
  const included = Object.entries(partials).flatMap(([name, text]) => [`partial ${name}:`, text]);
  return `${[...settings, ...declared, ...included, "---", template].join("\n")}\n`;
}

function renderedText(rendered: RenderedPrompt | undefined): string {
  const { text, messages = [] } = rendered as RenderedPrompt;
  return `${text ?? messages.map(({ role, content }) => `[${role}]\n${String(content)}`).join("\n")}\n`;
}
