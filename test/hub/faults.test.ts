import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/common/index.ts";
import { locateModel } from "../../src/formats/index.ts";
import { hubOf, MODEL, noise } from "../helpers/hub-cache.ts";
import { COMMIT, etagOf, type Fault, type HubFile, type HubServer, refuse } from "../helpers/hub-server.ts";

const SIZE = 200_003;
const weights: HubFile = { bytes: noise(SIZE), isLarge: true };
const files: Readonly<Record<string, HubFile>> = {
  "config.json": { bytes: Buffer.from('{"a": 1}'), isLarge: false },
  "model.safetensors": weights,
};

/** Downloads with a fault in the way; afterwards, where it went well, every byte is as it should be. */
async function fetchWith(
  fault: Fault,
  prepare: (server: HubServer, blobs: string) => unknown = () => {},
  settings: Readonly<Record<string, string>> = {},
) {
  const { server, home, options } = await hubOf(files);
  await using _ = server;
  server.fault = fault;
  const blobs = join(home, "hub/models--tiny--gpt2/blobs");
  await mkdir(blobs, { recursive: true });
  await prepare(server, blobs);
  const error = await locateModel(MODEL, {
    ...options,
    env: { ...options.env, HF_TOKEN: "hf_secret", ...settings },
  }).then(
    () => undefined,
    (error: Error & { code: string }) => error,
  );
  const names = await readdir(blobs);
  if (!error) {
    expect(names.sort()).toEqual(Object.values(files).map(etagOf).sort()); // nothing half-written stays
    for (const file of Object.values(files))
      expect(file.bytes.equals(await readFile(join(blobs, etagOf(file))))).toBe(true);
  }
  const isWhole = names.includes(etagOf(weights));
  return { error, isWhole, names, seen: server.seen, downloads: server.downloads("model.safetensors") };
}

/** Does something to the first so many requests of a place, then stands back. */
function first(count: number, place: string, fault: (...args: Parameters<Fault>) => unknown): Fault {
  let done = 0;
  return (request, response, at) => {
    if (at !== place || done >= count) return false;
    done++;
    fault(request, response, at);
    return true;
  };
}

const always = Number.POSITIVE_INFINITY;

describe("a download that is cut", () => {
  const random = new Random(Date.now());
  const places = [0, 1, 7, SIZE - 1, ...Array.from({ length: 6 }, () => random.nextInt(SIZE))];

  test.each(places)("after %i bytes goes on where it ended", async (cut) => {
    let cuts = 0;
    const { error, downloads } = await fetchWith(
      (_, __, place) => {
        if (place === "cdn") cuts++;
        return false;
      },
      (server) => {
        const { fault } = server;
        server.fault = (request, response, place) => {
          fault(request, response, place);
          server.cutAfter = cuts === 1 ? cut : undefined; // the first answer only
          return false;
        };
      },
    );
    expect(error).toBeUndefined();
    const ranges = downloads.filter(({ place }) => place === "cdn").map(({ range }) => range);
    expect(ranges).toEqual([undefined, cut === 0 ? undefined : expect.stringMatching(/^bytes=\d+-$/)]);
    const from = Number(/\d+/.exec(ranges[1] ?? "0")?.[0]);
    expect(from).toBeLessThanOrEqual(cut);
  });

  test("again and again gets there all the same", async () => {
    const { error, downloads } = await fetchWith(
      () => false,
      (server) => {
        server.cutAfter = 40_000;
      },
    );
    expect(error).toBeUndefined();
    expect(downloads.filter(({ place }) => place === "cdn").length).toBeGreaterThan(4);
  });

  test("at once each time is given up in words, and keeps nothing that could be taken for whole", async () => {
    const { error, isWhole } = await fetchWith(first(always, "cdn", (_, response) => response.destroy()));
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(/^the connection to http.* failed: /) });
    expect(isWhole).toBe(false);
  });

  test("goes on from what a killed process, or an older Python, left", async () => {
    for (const name of ["lectern-0a0b0c0d.incomplete", "incomplete"]) {
      const { error, downloads } = await fetchWith(
        () => false,
        (_, blobs) => writeFile(join(blobs, `${etagOf(weights)}.${name}`), weights.bytes.subarray(0, 150_000)),
      );
      expect(error).toBeUndefined();
      expect(downloads.map(({ range }) => range)).toEqual(["bytes=150000-", "bytes=150000-"]);
    }
  });

  test.each([
    ["has other bytes", noise(1000, 2)],
    ["is longer than the file", noise(SIZE + 1, 2)],
    ["is as long as the file and another", noise(SIZE, 2)],
  ])("begins anew where what was left %s", async (_, left) => {
    const { error, downloads } = await fetchWith(
      () => false,
      (_, blobs) => writeFile(join(blobs, `${etagOf(weights)}.incomplete`), left),
    );
    expect(error).toBeUndefined();
    expect(downloads.at(-1)?.range).toBeUndefined();
  });

  test("whose piece another process took over and finished is as good as done", async () => {
    let folder = "";
    const { error, downloads } = await fetchWith(
      first(1, "cdn", async (_, response) => {
        response.writeHead(200, { "content-length": SIZE });
        response.write(weights.bytes.subarray(0, 1000));
        const part = (await readdir(folder)).find((name) => name.startsWith(etagOf(weights))) ?? "";
        await writeFile(join(folder, part), weights.bytes);
        await rename(join(folder, part), join(folder, etagOf(weights)));
        response.end(weights.bytes.subarray(1000));
      }),
      (_, blobs) => {
        folder = blobs;
      },
    );
    expect(error).toBeUndefined();
    expect(downloads).toHaveLength(2);
  });

  test("begins anew where the server knows no ranges", async () => {
    const { error } = await fetchWith(
      (request) => {
        delete request.headers.range;
        return false;
      },
      (_, blobs) => writeFile(join(blobs, `${etagOf(weights)}.incomplete`), weights.bytes.subarray(0, 1000)),
    );
    expect(error).toBeUndefined();
  });

  test("begins anew where a server sends other bytes than those asked for", async () => {
    const { error, isWhole } = await fetchWith(
      first(always, "cdn", (_, response) => {
        response.writeHead(206, { "content-range": `bytes 5-${SIZE - 1}/${SIZE}` });
        response.end(weights.bytes.subarray(5));
      }),
      (_, blobs) => writeFile(join(blobs, `${etagOf(weights)}.incomplete`), weights.bytes.subarray(0, 1000)),
    );
    expect(error?.message).toMatch(/from byte 5 on when asked for 1000/);
    expect(isWhole).toBe(false);
  });
});

describe("a hub that is slow", () => {
  const impatient = { HF_HUB_DOWNLOAD_TIMEOUT: "0.5", HF_HUB_ETAG_TIMEOUT: "0.5" };

  test("to answer is left, in words, after HF_HUB_ETAG_TIMEOUT", async () => {
    const { error } = await fetchWith(
      first(always, "api", () => {}),
      undefined,
      impatient,
    );
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(/sent nothing for 0\.5 s.*TIMEOUT/) });
  });

  test("in the middle of a file is asked again for the rest", async () => {
    const { error, downloads } = await fetchWith(
      first(1, "cdn", (_, response) => {
        response.writeHead(200, { "content-length": SIZE });
        response.write(weights.bytes.subarray(0, 50_000));
      }),
      undefined,
      impatient,
    );
    expect(error).toBeUndefined();
    expect(downloads.at(-1)?.range).toBe("bytes=50000-");
  });
});

describe("a file that is not what was announced", () => {
  test.each<[string, RegExp, Parameters<typeof first>[2]]>([
    ["is shorter", /announced 200003 bytes and now gives 1000/, (_, response) => void response.end(noise(1000))],
    [
      "is longer",
      /announced 200003 bytes and now gives 200004/,
      (_, response) => void response.end(Buffer.concat([weights.bytes, Buffer.from("x")])),
    ],
    [
      "is longer without saying so",
      /got more than the announced 200003 bytes/,
      (_, response) => {
        response.write(weights.bytes);
        setTimeout(() => response.end("x"), 5);
      },
    ],
    [
      "is shorter without saying so",
      /the download ended at byte 1000 of 200003/,
      (_, response) => {
        response.write(weights.bytes.subarray(0, 1000));
        setTimeout(() => response.end(), 5);
      },
    ],
    [
      "has another checksum",
      /expected the checksum [0-9a-f]{64}, as the hub says; got [0-9a-f]{64}/,
      (_, response) => void response.end(noise(SIZE, 9)),
    ],
    [
      "is a web page",
      /with a web page instead of model\.safetensors.*HF_ENDPOINT/,
      (_, response) => void response.setHeader("content-type", "text/html; charset=utf-8").end("<html>log in</html>"),
    ],
  ])("%s: it is refused in words and not kept as whole", async (_, message, fault) => {
    const { error, isWhole } = await fetchWith(first(always, "cdn", fault));
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(message) });
    expect(isWhole).toBe(false);
  });

  test("a small file is checked too, by git's checksum", async () => {
    const { error, names } = await fetchWith((request, response, place) => {
      if (place !== "hub" || request.method !== "GET" || !request.url?.endsWith("config.json")) return false;
      response.end('{"a": 2}');
      return true;
    });
    expect(error?.message).toMatch(/config\.json: expected the checksum/);
    expect(names).not.toContain(etagOf(files["config.json"] as HubFile));
  });

  test("that changes between two halves is begun anew", async () => {
    const { error } = await fetchWith(
      first(1, "cdn", (_, response) => {
        response.writeHead(200, { "content-length": SIZE, etag: '"before"' });
        response.write(noise(60_000, 5), () => setTimeout(() => response.destroy(), 5));
      }),
    );
    expect(error).toBeUndefined();
  });
});

describe("a hub that refuses", () => {
  test.each<[string, RegExp, string, (...args: Parameters<Fault>) => void]>([
    ["401", /HF_TOKEN was not accepted/, "api", (_, response) => refuse(response, 401)],
    [
      "401 for what is not there",
      /there is no model tiny\/gpt2 at http/,
      "api",
      (_, r) => refuse(r, 401, "RepoNotFound"),
    ],
    [
      "403 of a gated model",
      /accept the model's terms at http.*\/tiny\/gpt2 /,
      "hub",
      (_, r) => refuse(r, 403, "GatedRepo"),
    ],
    ["404", /there is no model tiny\/gpt2/, "api", (_, r) => refuse(r, 404)],
    ["404 of a revision", /tiny\/gpt2 has no revision main/, "api", (_, r) => refuse(r, 404, "RevisionNotFound")],
    [
      "404 of a file",
      /has no file (config\.json|model\.safetensors)/,
      "hub",
      (_, r) => refuse(r, 404, "EntryNotFound"),
    ],
    [
      "429 for an hour",
      /answered 429.*try again in 3600 s/,
      "api",
      (_, r) => refuse(r.setHeader("retry-after", "3600"), 429),
    ],
    ["410", /the hub answered 410/, "api", (_, r) => refuse(r, 410)],
  ])("with %s says so in words", async (_, message, place, fault) => {
    const { error, isWhole } = await fetchWith(first(always, place, fault));
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(message) });
    expect(isWhole).toBe(false);
  });

  test.each([
    [429, "api"],
    [503, "api"],
    [500, "hub"],
    [502, "cdn"],
    [429, "cdn"],
  ])("with %i at first is asked again (%s)", async (status, place) => {
    const { error } = await fetchWith(
      first(2, place, (_, response) => refuse(response.setHeader("retry-after", "0"), status)),
    );
    expect(error).toBeUndefined();
  });

  test("with 503 for good is asked five times and no more", async () => {
    const { error, seen } = await fetchWith(
      first(always, "api", (_, r) => refuse(r.setHeader("retry-after", "0"), 503)),
    );
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(/the hub answered 503/) });
    expect(seen).toHaveLength(5);
  });
});

describe("a hub that is none", () => {
  const page = (_: unknown, response: Parameters<Fault>[1]) =>
    void response.setHeader("content-type", "text/html").end("<!doctype html><title>Welcome</title>");

  test.each([
    ["api", /with a web page: that is no answer of a model hub; check HF_ENDPOINT/],
    ["hub", /without saying of which commit the file is/],
  ])("answers HTML (%s)", async (place, message) => {
    const { error } = await fetchWith(first(always, place, page));
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(message) });
  });

  test.each(["api", "hub", "cdn"])("redirects without end (%s)", async (place) => {
    const { error, isWhole } = await fetchWith(
      first(always, place, (request, response) => void response.writeHead(302, { location: request.url }).end()),
    );
    expect(error).toMatchObject({ code: "hub", message: expect.stringMatching(/redirected 10 times without end/) });
    expect(isWhole).toBe(false);
  });

  test("redirects to what is no web address", async () => {
    const { error } = await fetchWith(
      first(always, "cdn", (_, response) => void response.writeHead(302, { location: "file:///etc/passwd" }).end()),
    );
    expect(error?.message).toMatch(/redirects to file:\/\/\/etc\/passwd, which is no web address/);
  });

  test.each(["../../../../evil", "..", "a/b"])("names a file's blob %s", async (etag) => {
    const { error, names } = await fetchWith(
      first(
        always,
        "hub",
        (_, r) => void r.writeHead(200, { "x-repo-commit": COMMIT, "x-linked-etag": `"${etag}"` }).end(),
      ),
    );
    expect(error).toMatchObject({ code: "hub" });
    expect(names).toEqual([]);
  });

  test("lists files outside the model, which are not taken", async () => {
    const { server, home, options } = await hubOf({ ...files, "../evil.json": { bytes: noise(3), isLarge: false } });
    await using _ = server;
    await locateModel(MODEL, options);
    expect((await readdir(home, { recursive: true })).filter((name) => name.includes("evil"))).toEqual([]);
  });
});

test("the token goes to the hub and never to another host", async () => {
  const { error, seen } = await fetchWith(() => false);
  expect(error).toBeUndefined();
  for (const { place, authorization } of seen)
    expect(authorization).toBe(place === "cdn" ? undefined : "Bearer hf_secret");
  expect(seen.some(({ place }) => place === "cdn")).toBe(true);
});

test("two loads at once in one process download each file once", async () => {
  const { server, options } = await hubOf(files);
  await using _ = server;
  const [one, two] = await Promise.all([locateModel(MODEL, options), locateModel(MODEL, options)]);
  expect(one).toBe(two);
  expect(server.downloads("model.safetensors").filter(({ place }) => place === "cdn")).toHaveLength(1);
});

test("a signal ends a download with code abort, and the next one resumes from what was received", async () => {
  const { server, options } = await hubOf(files);
  await using _ = server;
  const stop = new AbortController();
  server.fault = first(1, "cdn", (_, response) => {
    response.writeHead(200, { "content-length": SIZE });
    response.write(weights.bytes.subarray(0, 60_000));
  });
  const onProgress = ({ file, loaded }: { file: string; loaded: number }): void => {
    if (file === "model.safetensors" && loaded === 60_000) stop.abort();
  };
  await expect(locateModel(MODEL, { ...options, onProgress, signal: stop.signal })).rejects.toMatchObject({
    code: "abort",
  });
  await locateModel(MODEL, options);
  expect(server.downloads("model.safetensors").at(-1)?.range).toBe("bytes=60000-");
});

test("progress tells of each file from its first to its last byte", async () => {
  const { server, options } = await hubOf(files);
  await using _ = server;
  const events: [string, number, number][] = [];
  await locateModel(MODEL, {
    ...options,
    onProgress: ({ status, name, file, loaded, total }) => {
      expect(name).toBe(MODEL);
      if (file === "model.safetensors") events.push([status, loaded, total]);
    },
  });
  expect(events[0]).toEqual(["initiate", 0, SIZE]);
  expect(events.at(-1)).toEqual(["done", SIZE, SIZE]);
  const loaded = events.map(([, loaded]) => loaded);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
});
