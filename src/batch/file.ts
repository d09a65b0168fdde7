import { createHash } from "node:crypto";
import { isObject, LecternError } from "../common/index.ts";
import { checkOffline } from "../server/index.ts";

/** The most requests of one batch, as with OpenAI. */
const MOST_LINES = 50_000;

/** One request of a batch. */
export interface BatchLine {
  /** The caller's name for it, which its result has too. */
  readonly customId: string;
  readonly url: string;
  readonly body: unknown;
}

/** The requests of a file. */
export interface BatchFile {
  /** The batch's name; the same file has the same one. */
  readonly id: string;
  /** The model that every request names. */
  readonly model: string;
  readonly lines: readonly BatchLine[];
}

const keys: readonly string[] = ["custom_id", "method", "url", "body"];

/** One line, checked as the server checks a request. */
function readLine(text: string, at: string): BatchLine & { readonly model: string } {
  const fail = (message: string): never => {
    throw new LecternError("input", `batch: ${at}: ${message}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("is not JSON");
  }
  if (!isObject(value)) return fail(`must be an object with ${keys.join(", ")}`);
  const stray = Object.keys(value).find((key) => !keys.includes(key));
  if (stray !== undefined) fail(`there is no field ${stray}; there are ${keys.join(", ")}`);
  const { custom_id: customId, method, url, body } = value;
  if (typeof customId !== "string" || customId === "") return fail("custom_id must be a text");
  if (method !== "POST") fail('method must be "POST"');
  if (typeof url !== "string") return fail("url must be a route, such as /v1/completions");
  try {
    return { customId, url, body, model: checkOffline({ url, body }) };
  } catch (cause) {
    return fail((cause as Error).message);
  }
}

/**
 * Reads a file of requests in OpenAI's batch form: a JSON object a line, with `custom_id`, `method`, `url` and `body`.
 *
 * @param text of the file
 * @param name of the file, for messages
 * @throws LecternError with code `input` and the line that does not fit
 */
export function readBatchFile(text: string, name: string): BatchFile {
  const seen = new Map<string, number>();
  const lines: BatchLine[] = [];
  let model: string | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const at = `${name}, line ${i + 1}`;
    if (lines.length >= MOST_LINES) throw new LecternError("input", `batch: ${name} has more than ${MOST_LINES} lines`);
    const { model: own, ...request } = readLine(line, at);
    model ??= own;
    if (own !== model)
      throw new LecternError("input", `batch: ${at}: the model is ${own}, and before ${model}: a batch has one model`);
    const before = seen.get(request.customId);
    if (before !== undefined)
      throw new LecternError("input", `batch: ${at}: custom_id ${request.customId} is that of line ${before} too`);
    seen.set(request.customId, i + 1);
    lines.push(request);
  }
  if (model === undefined) throw new LecternError("input", `batch: ${name} has no request`);
  const hash = createHash("sha256").update(JSON.stringify(lines)).digest("hex");
  return { id: `batch_${hash.slice(0, 24)}`, model, lines };
}
