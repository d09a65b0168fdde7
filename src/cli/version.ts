import { readFileSync } from "node:fs";

/** This package's version and the versions of Node that it runs on. */
export function packageFacts(): { readonly version: string; readonly engines: string } {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version, engines } = JSON.parse(text) as { version: string; engines: { node: string } };
  return { version, engines: engines.node };
}
