import { LecternError } from "../common/index.ts";

/** So many bytes say whether an answer is a page. */
const BEGINNING = 512;

/**
 * True if a server has a file. Hosts of single-page applications answer every absent file with status 200 and a page, so
 * the content decides: no file of a model is an HTML document.
 *
 * @throws code `file` where the server cannot be reached
 */
export async function isServed(url: string, signal?: AbortSignal): Promise<boolean> {
  return isAnswered(await answerOf(url, signal));
}

/** True if an answer holds a file, by its status and its first bytes; the rest is not read. */
async function isAnswered(response: Response): Promise<boolean> {
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    return response.ok;
  }
  const reader = response.body.getReader();
  let beginning = new Uint8Array();
  while (beginning.length < BEGINNING) {
    const { value, done } = await reader.read();
    if (done) break;
    beginning = new Uint8Array([...beginning, ...value.subarray(0, BEGINNING)]);
  }
  await reader.cancel();
  return !isPage(beginning);
}

/**
 * The bytes of a file that has at most so many; of a larger one, true if it is served.
 *
 * @returns false where the server has no such file
 * @throws code `file` where the server cannot be reached
 */
export async function fetchSmall(url: string, most: number): Promise<Uint8Array | boolean> {
  const response = await answerOf(url);
  if (Number(response.headers.get("content-length") ?? Number.POSITIVE_INFINITY) > most || !response.ok)
    return isAnswered(response);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return isPage(bytes) ? false : bytes;
}

/** The bytes of a file. */
export async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await answerOf(url);
  if (!response.ok) throw new LecternError("file", `${url} answered ${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (isPage(bytes))
    throw new LecternError(
      "file",
      `fetching ${url}: expected a model's file; got an HTML page, as hosts of single-page applications answer for absent files; put the file there`,
    );
  return bytes;
}

function answerOf(url: string, signal?: AbortSignal): Promise<Response> {
  return fetch(url, { signal: signal ?? null }).catch((cause) => {
    throw new LecternError("file", `${url} cannot be fetched`, { cause });
  });
}

function isPage(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes.subarray(0, BEGINNING));
  return /^\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b/is.test(text);
}
