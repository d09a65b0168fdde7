import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { keepSecret, LecternError, redact } from "../../src/common/index.ts";
import { locateModel } from "../../src/formats/index.ts";
import { environment, hubOf, MODEL, repositoryFiles } from "../helpers/hub-cache.ts";
import { type HubServer, refuse } from "../helpers/hub-server.ts";

const TOKEN = "hf_QwErTyUiOpAsDfGhJkLzXcVbNm12345678";
const PASSWORD = "correct-horse-battery";

let server: HubServer;
let home: string;
beforeAll(async () => {
  ({ server, home } = await hubOf(await repositoryFiles("gpt2")));
});
afterAll(() => server[Symbol.asyncDispose]());

/** All that an error shows, of its causes too. */
async function shownBy(env: Record<string, string>): Promise<string> {
  const error = await locateModel(MODEL, { env, onWarning: () => {} }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(LecternError);
  return inspect(error, { depth: 20, showHidden: true });
}

/** A cache of its own, with the server's address. */
async function freshEnvironment(more: Record<string, string>): Promise<Record<string, string>> {
  return { ...environment(server, await mkdtemp(join(tmpdir(), "lectern-hub-"))), ...more };
}

describe("no secret stands in an error, or in one of its causes", () => {
  test.each([
    ["a line break within", `${TOKEN.slice(0, 20)}\n ${TOKEN.slice(20)}`],
    ["a space within", `${TOKEN.slice(0, 20)} ${TOKEN.slice(20)}`],
    ["a letter that no header takes", `${TOKEN}ü`],
    ["a zero byte", `${TOKEN}\0`],
  ])("where the token has %s", async (_, token) => {
    const text = await shownBy(await freshEnvironment({ HF_TOKEN: token }));
    expect(text).toContain("HF_TOKEN must hold a token");
    expect(text).not.toContain(TOKEN.slice(0, 20));
    expect(text).not.toContain(TOKEN.slice(20));
  });

  test.each([
    "https://me:PW@hub.example",
    "https://PW@hub.example",
    "me:PW@hub.example",
    "https://hub.example/?token=PW",
  ])("where the endpoint is %s", async (endpoint) => {
    const text = await shownBy({ HF_HOME: home, HF_ENDPOINT: endpoint.replace("PW", PASSWORD) });
    expect(text).toContain("HF_ENDPOINT must be an address");
    expect(text).not.toContain(PASSWORD);
  });

  test.each([
    ["the hub repeats it", (text: string) => ({ "x-error-message": `bad token ${text}`, "x-error-code": "Denied" })],
    ["a redirect carries it", (text: string) => ({ location: `ftp://me:${text}@cdn.example/a?Signature=${text}` })],
  ])("where %s", async (_, headers) => {
    server.fault = (_request, response) => {
      response.writeHead("location" in headers(TOKEN) ? 302 : 403, headers(TOKEN)).end();
      return true;
    };
    const text = await shownBy(await freshEnvironment({ HF_TOKEN: TOKEN }));
    server.fault = () => false;
    expect(text).not.toContain(TOKEN);
    expect(text).toContain("***");
  });
});

test("a token that ends in a line break, as files do, is used without it", async () => {
  const env = await freshEnvironment({ HF_TOKEN: `${TOKEN}\r\n` });
  await locateModel(MODEL, { env, onWarning: () => {} });
  expect(
    server.seen.at(-1)?.authorization ?? server.seen.find(({ authorization }) => authorization)?.authorization,
  ).toBe(`Bearer ${TOKEN}`);
});

test("commands print no secret, as text, as JSON, as progress or as advice", async () => {
  let printed = "";
  const write = (text: string): boolean => {
    printed += text;
    return true;
  };
  const env = await freshEnvironment({ HF_TOKEN: TOKEN });
  const terminal = { stdin: Readable.from([]) as never, stdout: { write }, stderr: { write }, env };
  server.fault = (request, response) => {
    if (!request.url?.includes("absent")) return false;
    refuse(response, 401, "RepoNotFound", `no ${TOKEN} here`);
    return true;
  };
  for (const args of [
    ["pull", MODEL],
    ["pull", MODEL, "--json"],
    ["pull", "tiny/absent"],
    ["doctor"],
    ["doctor", "--json"],
    ["list"],
  ])
    await runCli(args, terminal);
  server.fault = () => false;
  expect(printed).toContain(MODEL);
  expect(printed).not.toContain(TOKEN);
});

test("what is hidden is hidden in each of its spellings, and words that are no secrets stay", () => {
  keepSecret("s3cret/with+signs");
  expect(redact("a s3cret/with+signs b s3cret%2Fwith%2Bsigns")).toBe("a *** b ***");
  expect(redact("Authorization: Bearer abc.def")).toBe("Authorization: Bearer ***");
  expect(redact("https://cdn.example/x?X-Amz-Signature=abc&y=1")).toBe("https://cdn.example/x?***");
  const plain = "https://huggingface.co/a/b@main?download=true: hf_transfer, owner@example.org, lr: 5e-5";
  expect(redact(plain)).toBe(plain);
  keepSecret("ab");
  expect(redact("abab")).toBe("abab");
});
