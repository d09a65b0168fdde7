import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

/** True if there is a browser to test in; where the environment asks for one, its absence is an error. */
export const hasChromium = existsSync(CHROMIUM);
if (!hasChromium && process.env.LECTERN_REQUIRE_BROWSER)
  throw new Error(`${CHROMIUM} is missing, and LECTERN_REQUIRE_BROWSER asks for it`);

const root = fileURLToPath(new URL("../../", import.meta.url));
const types: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** What a server does beyond giving files. */
interface ServerOptions {
  readonly isolated?: boolean;
  /** The folder that is served, with its index.html; default the project, with an empty page. */
  readonly folder?: string;
  /** The type of the page that absent files are answered with, as hosts of single-page applications do. */
  readonly fallback?: string;
}

const PAGE = "<!doctype html><title>Lectern</title>";

/** A plain static server: dist/web, models and fixtures; no headers but the type, and isolation if asked for. */
export function serve({ isolated = false, fallback, folder = root }: ServerOptions = {}): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (isolated) {
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
    }
    if (path === "/" && folder === root) return response.setHeader("content-type", "text/html").end(PAGE);
    const file = path === "/" ? "/index.html" : path;
    response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
    await readFile(join(folder, file)).then(
      (bytes) => response.end(bytes),
      () =>
        fallback === undefined
          ? response.writeHead(404).end()
          : response.writeHead(200, { "content-type": fallback }).end(`\n<!-- built -->\n${PAGE}`),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** @param options.hasWebGpu true for WebGPU on the processor, by SwiftShader */
export function launchChromium({ hasWebGpu = false } = {}): Promise<Browser> {
  const args = [
    "--no-sandbox",
    ...(hasWebGpu ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : ["--disable-gpu"]),
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  return chromium.launch({ executablePath: CHROMIUM, args });
}
