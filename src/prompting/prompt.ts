import { check, checkFields, LecternError, type Rules, rules } from "../common/index.ts";
import { type Partials, Template, TemplateError } from "../templates/index.ts";
import type { Message } from "../tokenizers/index.ts";
import { checkValues, readVariables, type Values, type ValuesOf, type Variable, type Variables } from "./variables.ts";

/** The definition of a prompt, as `definePrompt` takes it and a file under `prompts/` holds it. */
export interface PromptDefinition<V extends Readonly<Record<string, Variable>> = Readonly<Record<string, Variable>>> {
  /** The name that messages call it by. */
  readonly name?: string | undefined;
  /** A whole number from 1 that grows with each change; default 1. */
  readonly version?: number | undefined;
  /** A text for readers of the definition; it is not part of the prompt. */
  readonly description?: string | undefined;
  /** The variables that its templates read. */
  readonly variables?: V | undefined;
  /** Text before everything else, a template; the system message of a chat. */
  readonly instruction?: string | undefined;
  /** One item, up to where the answer begins: a Jinja template. */
  readonly template: string;
  /** How the answer of an example is written after its item, a template such as `" {{ label }}"`; needed for examples. */
  readonly answer?: string | undefined;
  /** The text between instruction, examples and item; default an empty line. */
  readonly separator?: string | undefined;
  /** True if it is written as messages, for the model's chat template; default false. */
  readonly chat?: boolean | undefined;
  /** Templates that it includes, by name. */
  readonly partials?: Partials | undefined;
}

const definitionRules: Rules = {
  name: rules.name,
  version: rules.count,
  description: rules.text,
  variables: rules.object,
  instruction: rules.text,
  template: rules.text,
  answer: rules.text,
  separator: rules.text,
  chat: rules.flag,
  partials: rules.object,
};

/** A part of a rendered prompt. */
export interface PromptPart {
  /** What it is. */
  readonly name: "system" | "examples" | "question";
  /** Its text, with the separator after it. */
  readonly text: string;
}

/** A rendered prompt: one text for a model that continues it, or messages for one that chats. */
export interface RenderedPrompt {
  /** The text; undefined for a chat. */
  readonly text?: string;
  /** The messages of a chat; undefined otherwise. */
  readonly messages?: readonly Message[];
  /** Its parts in order; joined they are the text, or the contents of the messages. */
  readonly parts: readonly PromptPart[];
}

/** A template of a prompt, by its field in the definition. */
export type TemplateName = "instruction" | "template" | "answer";

/**
 * A prompt with typed variables. Its templates are rendered in the engine of chat templates: Python's Jinja in a
 * sandbox, with limits in steps, memory and time, which reads no files.
 */
export class Prompt<V extends Readonly<Record<string, Variable>> = Readonly<Record<string, Variable>>> {
  /** The definition as it was given, without defaults. */
  readonly definition: PromptDefinition<V>;
  /** The variables with their settings. */
  readonly variables: Variables;
  readonly #templates: Readonly<Record<TemplateName, Template | undefined>>;

  /** @throws LecternError for a definition with an unknown field, or a template with a syntax error */
  constructor(definition: PromptDefinition<V>) {
    const what = definition.name === undefined ? "prompt" : `prompt ${definition.name}`;
    checkFields(what, definition, definitionRules, "field");
    check(definition.template !== undefined, "usage", () => `${what}: template is missing`);
    this.definition = definition;
    this.variables = readVariables(what, definition.variables ?? {});
    const template = (name: TemplateName): Template | undefined => this.#compiled(name);
    this.#templates = {
      instruction: template("instruction"),
      template: template("template"),
      answer: template("answer"),
    };
  }

  /** The name that messages call it by. */
  get name(): string {
    const { name } = this.definition;
    return name === undefined ? "prompt" : `prompt ${name}`;
  }

  /** The version of the definition; 1 where it gives none. */
  get version(): number {
    return this.definition.version ?? 1;
  }

  /** True if it is written as messages. */
  get isChat(): boolean {
    return this.definition.chat ?? false;
  }

  /** The variables that a template of the prompt, or a partial in it, reads. */
  reads(name: TemplateName): readonly string[] {
    return this.#templates[name]?.variables ?? [];
  }

  /**
   * Renders the prompt, with examples before the item.
   *
   * @param examples values of each example, those of the answer's variables included, in the order in which they are written
   * @throws LecternError for a value that is missing, of another type or of no variable, and for a template that fails
   */
  render(values: ValuesOf<V>, examples: readonly Values[] = []): RenderedPrompt {
    const own = this.#checked(values as Values, ["instruction", "template"]);
    const shots = examples.map((example) => this.example(example));
    const instruction = this.#render("instruction", own);
    const question = this.#render("template", own) as string;
    return this.isChat
      ? chat({ instruction, shots, question })
      : plain({ instruction, shots, question }, this.separator);
  }

  /** The text between instruction, examples and item; an empty line where the definition gives none. */
  get separator(): string {
    return this.definition.separator ?? "\n\n";
  }

  /** The text of one item alone, up to where its answer begins. */
  item(values: Values): string {
    return this.#render("template", this.#checked(values, ["template"])) as string;
  }

  /** One example: an item and its answer. */
  example(values: Values): { readonly item: string; readonly answer: string } {
    check(this.#templates.answer, "usage", () => `${this.name}: examples need answer, the template of their answers`);
    const own = this.#checked(values, ["template", "answer"]);
    return { item: this.#render("template", own) as string, answer: this.#render("answer", own) as string };
  }

  /** Values without those of no variable: a row of a file may have other columns. */
  pick(row: Values): Values {
    return Object.fromEntries(Object.entries(row).filter(([name]) => this.variables.has(name)));
  }

  #checked(values: Values, templates: readonly TemplateName[]): Values {
    const needed = new Set(templates.flatMap((name) => this.reads(name)));
    return checkValues(this.name, values, this.variables, needed);
  }

  #compiled(name: TemplateName): Template | undefined {
    const source = this.definition[name];
    return source === undefined
      ? undefined
      : explained(this.name, name, () => new Template(source, this.definition.partials));
  }

  #render(name: TemplateName, values: Values): string | undefined {
    const template = this.#templates[name];
    return template && explained(this.name, name, () => template.render(values));
  }
}

/** A prompt with any variables, for functions that take the values of its variables as rows of data. */
export interface AnyPrompt
  extends Pick<
    Prompt,
    "definition" | "variables" | "name" | "isChat" | "separator" | "reads" | "item" | "example" | "pick"
  > {
  /** Renders the prompt, with examples before the item; see `Prompt.render`. */
  render(values: Values, examples?: readonly Values[]): RenderedPrompt;
}

/** Defines a prompt: a Jinja template with typed variables. @throws LecternError as `Prompt` does */
export function definePrompt<const V extends Readonly<Record<string, Variable>>>(
  definition: PromptDefinition<V>,
): Prompt<V> {
  return new Prompt(definition);
}

/** Errors of a template with the prompt, the template and the line that they come from. */
function explained<T>(prompt: string, name: TemplateName, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof TemplateError)) throw cause;
    const place = cause.line === undefined ? "" : `, line ${cause.line}`;
    throw new LecternError("input", `${prompt}: ${name}${place}: ${cause.message}`, { cause });
  }
}

interface Pieces {
  readonly instruction: string | undefined;
  readonly shots: readonly { readonly item: string; readonly answer: string }[];
  readonly question: string;
}

function plain({ instruction, shots, question }: Pieces, separator: string): RenderedPrompt {
  const parts: PromptPart[] = [];
  if (instruction) parts.push({ name: "system", text: instruction + separator });
  for (const { item, answer } of shots) parts.push({ name: "examples", text: item + answer + separator });
  parts.push({ name: "question", text: question });
  return { text: parts.map(({ text }) => text).join(""), parts };
}

function chat({ instruction, shots, question }: Pieces): RenderedPrompt {
  const messages: Message[] = [];
  const parts: PromptPart[] = [];
  const add = (name: PromptPart["name"], role: string, content: string): void => {
    messages.push({ role, content });
    parts.push({ name, text: content });
  };
  if (instruction) add("system", "system", instruction);
  for (const { item, answer } of shots) {
    add("examples", "user", item);
    add("examples", "assistant", answer.trim());
  }
  add("question", "user", question);
  return { messages, parts };
}
