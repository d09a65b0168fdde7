import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { keepSecret, LecternError, shown } from "../../common/index.ts";
import type { Environment, LocateOptions } from "./options.ts";

/** The Hub's address and settings; the variables are those of Python's huggingface_hub. */
export interface HubSettings {
  readonly cacheDir: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  /** The timeout for the metadata of a file, in milliseconds. */
  readonly etagTimeout: number;
  /** The time for which a download may stand still, in milliseconds. */
  readonly downloadTimeout: number;
  readonly symlinks: boolean;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_TIMEOUT = "10";

export function readSettings({ cacheDir, offline, env = process.env }: LocateOptions): HubSettings {
  const home = expand(env.HF_HOME || join(env.XDG_CACHE_HOME || join("~", ".cache"), "huggingface"), env);
  const cache = cacheDir ?? expand(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, "hub"), env);
  return {
    cacheDir: resolve(cache),
    endpoint: endpointOf(env),
    token: tokenOf(env, home),
    offline: offline ?? isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    etagTimeout: milliseconds(env, "HF_HUB_ETAG_TIMEOUT"),
    downloadTimeout: milliseconds(env, "HF_HUB_DOWNLOAD_TIMEOUT"),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
  };
}

export function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}

/** A leading `~`, `$NAME` and `${NAME}`, as in a shell. */
function expand(path: string, env: Environment): string {
  const named = path.replace(/^~(?=$|[\\/])/, env.HOME || homedir());
  return named.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (whole, bare, braced) => env[bare ?? braced] ?? whole);
}

function endpointOf(env: Environment): string {
  const endpoint = (env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw new LecternError(
      "usage",
      `HF_ENDPOINT must be an address such as ${DEFAULT_ENDPOINT}; got ${shown(env.HF_ENDPOINT?.replace(/^.*@/s, "***@"))}`,
    );
  const { username, password, search, hash } = new URL(endpoint);
  if (username || password || search || hash)
    throw new LecternError(
      "usage",
      `HF_ENDPOINT must be an address such as ${DEFAULT_ENDPOINT}; got one with a user, a password or a query; leave them out, and give a token in HF_TOKEN`,
    );
  return endpoint;
}

function tokenOf(env: Environment, home: string): string | undefined {
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const given = cleanToken(env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN, "HF_TOKEN");
  if (given !== undefined) return given;
  const path = expand(env.HF_TOKEN_PATH || join(home, "token"), env);
  return cleanToken(textOf(path), path);
}

/** A small file; undefined where there is none: nobody logged in here. */
function textOf(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

/** A token without line breaks, as Python takes it, which no message shows from now on. */
function cleanToken(text: string | undefined, where: string): string | undefined {
  keepSecret(text);
  const token = text?.replace(/[\r\n]/g, "").trim();
  keepSecret(token);
  if (token && !/^[\x21-\x7e]+$/.test(token))
    throw new LecternError(
      "usage",
      `${where} must hold a token of plain letters, digits and signs; got a space or another character within it; copy it again from https://huggingface.co/settings/tokens`,
    );
  return token || undefined;
}

function milliseconds(env: Environment, name: string): number {
  const seconds = Number(env[name] || DEFAULT_TIMEOUT);
  if (!(seconds > 0)) throw new LecternError("usage", `${name} must be a number of seconds above 0; got ${env[name]}`);
  return Math.min(1000 * seconds, 2 ** 31 - 1); // the longest that a timer takes
}
