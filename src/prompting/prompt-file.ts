import { LineCounter, parseDocument } from "yaml";
import { check, isObject, LecternError, shown } from "../common/index.ts";
import type { Partials } from "../templates/index.ts";
import { Prompt, type PromptDefinition } from "./prompt.ts";
import type { Variable } from "./variables.ts";

/** Settings in a file end here. */
const fence = /^---[ \t]*$/m;

/**
 * Reads a prompt's file: settings in YAML between two lines `---`, and the template after them. A file without settings is
 * a template alone; the variables that it reads are texts.
 *
 * @param path the file's path, for messages
 */
export function parsePrompt(path: string, text: string, partials: Partials = {}): Prompt {
  const [settings, template] = split(path, text);
  const name = path.replace(/^.*[\\/]|\.[^.]*$/g, "");
  if (settings === undefined) {
    const bare = new Prompt({ name, template, partials });
    const variables: Record<string, Variable> = Object.fromEntries(
      bare.reads("template").map((variable) => [variable, "string"]),
    );
    return new Prompt({ name, template, partials, variables });
  }
  const fields = yamlFields(path, settings);
  check(
    !("template" in fields) && !("partials" in fields),
    "config",
    () => `${path}: template and partials are not settings: the text below the second --- is the template`,
  );
  try {
    return new Prompt({ name, ...(fields as Partial<PromptDefinition>), template, partials });
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError("config", `${path}: ${cause.message}`, { cause });
  }
}

/** The settings and the template of a file; a last line end is the file's, not the template's. */
function split(path: string, text: string): [settings: string | undefined, template: string] {
  const normal = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const withoutEnd = normal.replace(/\n$/, "");
  if (!/^---[ \t]*\n/.test(normal)) return [undefined, withoutEnd];
  const rest = withoutEnd.slice(withoutEnd.indexOf("\n") + 1);
  const end = fence.exec(rest);
  check(end, "config", () => `${path}: the settings begin with --- and have no second --- that ends them`);
  return [rest.slice(0, end.index), rest.slice(end.index + end[0].length).replace(/^\n/, "")];
}

function yamlFields(path: string, source: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const [error] = document.errors;
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    throw new LecternError("config", `${path}, line ${line + 1}: ${error.message.split("\n")[0]}`, { cause: error });
  }
  const fields: unknown = document.toJS({ maxAliasCount: 100 });
  check(isObject(fields), "config", () => `${path}: the settings must be fields, as version: 1; got ${shown(fields)}`);
  return fields;
}
