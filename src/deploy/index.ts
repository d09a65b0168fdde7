import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { check, VERSION } from "../common/index.ts";
import { packageRoot } from "../common/node.ts";
import { makeDirectory } from "../files/node.ts";
import { serverFiles } from "./files.ts";
import { copyModel, type DeployedModel } from "./model-copy.ts";
import { type SmokeReport, smokeTest } from "./smoke.ts";
import { type StaticSite, writeStaticSite } from "./static-site.ts";

export type { DeployedModel } from "./model-copy.ts";
export type { SmokeReport } from "./smoke.ts";

/** The target of a deployment. */
export const deployTargets = ["docker", "node", "static"] as const;
/** A target of `deploy`. */
export type DeployTarget = (typeof deployTargets)[number];

/** There in a folder that a deployment wrote: its files may be replaced. */
const MARK = ".lectern-deployment.json";

/** Options of `deploy`. */
export interface DeployOptions extends DeployedModel {
  readonly target: DeployTarget;
  /** The folder to write. */
  readonly out: string;
  /** The model's name in requests. */
  readonly name: string;
  /** The port of the server; default 8080. */
  readonly port?: number | undefined;
  /** A tarball of Lectern, in place of the registry's package. */
  readonly tarball?: string | undefined;
  /** False if the written server is not started. Default true. */
  readonly smoke?: boolean | undefined;
  readonly requests?: number | undefined;
  readonly concurrency?: number | undefined;
}

/** The outcome of `deploy`. */
export interface Deployed {
  readonly out: string;
  /** The files and folders that were written. */
  readonly files: readonly string[];
  readonly smoke?: SmokeReport | undefined;
  /** Bytes of a page with its model. */
  readonly bytes?: number | undefined;
}

/** A name that requests, packages, services and paths can have. */
const NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * Writes a server, or a page, with a model in its precision, and tries what it wrote.
 *
 * @throws LecternError with code `usage` for a folder that holds something else, `engine` where the written server fails
 */
export async function deploy(options: DeployOptions): Promise<Deployed> {
  const { target, out, name, tarball, smoke = true } = options;
  check(
    NAME.test(name),
    "usage",
    () => `deploy: a name has letters, digits, dots and dashes; got ${name}; give --name`,
  );
  const present = await readdir(out).catch((): string[] => []);
  const isOurs = present.length === 0 || present.includes(MARK);
  check(isOurs, "usage", () => `deploy: ${out} holds files that no deployment wrote: choose a new folder`);
  await makeDirectory(out);
  await writeFile(join(out, MARK), `${JSON.stringify({ lectern: VERSION, target })}\n`);
  const model = await copyModel(out, options);
  const root = packageRoot();
  if (target === "static") return { out, ...(await page(out, { root, name })) };
  if (tarball !== undefined) await copyTarball(tarball, out);
  const lectern = tarball === undefined ? VERSION : `file:./${basename(tarball)}`;
  const own = { name, lectern, tarball: tarball && basename(tarball), port: options.port ?? 8080 };
  const files = serverFiles(target, { ...own, model: model.path, precision: model.precision });
  for (const [file, text] of Object.entries(files)) await writeFile(join(out, file), text);
  const tried = smoke ? await smokeTest(resolve(out), name, { packageRoot: root, ...options }) : undefined;
  return { out, files: [...Object.keys(files), model.path], smoke: tried };
}

async function page(out: string, { root, name }: { root: string; name: string }): Promise<StaticSite> {
  const model = join(out, "model");
  try {
    return await writeStaticSite(out, { packageRoot: root, model, name });
  } finally {
    await rm(model, { recursive: true, force: true });
  }
}

async function copyTarball(tarball: string, out: string): Promise<void> {
  const { cp } = await import("node:fs/promises");
  await mkdir(out, { recursive: true });
  await cp(tarball, join(out, basename(tarball)));
}
