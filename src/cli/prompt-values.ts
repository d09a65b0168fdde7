import { readFile } from "node:fs/promises";
import { LecternError, parseJsonObject } from "../common/index.ts";
import type { Prompt, Values } from "../prompting/index.ts";
import type { PromptFlags } from "./prompt.ts";

/** The values of `--values` and `--var`; those of variables that are no texts are JSON. */
export async function valuesOf(prompt: Prompt, { var: given = [], values: file }: PromptFlags): Promise<Values> {
  const values: Record<string, unknown> = file === undefined ? {} : { ...(await jsonFile(file)) };
  for (const each of given) {
    const at = each.indexOf("=");
    if (at < 1) throw new LecternError("usage", `--var takes name=value; got ${each}`);
    const [name, text] = [each.slice(0, at), each.slice(at + 1)];
    values[name] = parsed(name, text, prompt.variables.get(name)?.type ?? "string");
  }
  return values;
}

function parsed(name: string, text: string, type: string): unknown {
  if (type === "string") return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LecternError("usage", `--var ${name}: a value of type ${type} is JSON; got ${text}`, { cause });
  }
}

async function jsonFile(path: string): Promise<Values> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new LecternError("file", `cannot read ${path}: ${cause.message}`, { cause });
  });
  return parseJsonObject(text, path);
}

/** The rows of a file of examples. */
export async function examplesOf(path: string): Promise<Values[]> {
  const { readExamples } = await import("./lazy/training.ts");
  return (await readExamples(path)).map(({ fields }) => fields);
}
