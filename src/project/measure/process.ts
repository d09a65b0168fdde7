import { fork } from "node:child_process";
import { join } from "node:path";
import { LecternError } from "../../common/index.ts";
import { packageRoot } from "../../common/node.ts";
import type { Project, Setup } from "../file.ts";
import { setupName } from "../located.ts";

/** The order to a process that measures: a project with a setup. */
export interface ProjectOrder {
  readonly kind: string;
  /** The path of the project file. */
  readonly path: string;
  readonly file: Project["file"];
  readonly setup: Setup;
}

/** Measures in a process of its own, which gives its result as a message. */
export function inProcess<Result, Order extends ProjectOrder>(
  order: Order,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const child = fork(join(packageRoot(), "dist", "project", "measure", "probe-node.js"), {
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    ...(signal && { signal }),
  });
  const what = `measuring ${setupName(order.setup)}`;
  const faults: string[] = [];
  child.stderr?.on("data", (piece: Buffer) => faults.push(piece.toString()));
  return new Promise((resolve, reject) => {
    let result: { readonly value: Result } | undefined;
    child.on("message", (value) => {
      result = { value: value as Result };
    });
    child.on("error", (cause) => {
      const code = signal?.aborted === true ? "abort" : "engine";
      reject(new LecternError(code, `${what}: ${cause.message}`, { cause }));
    });
    child.on("exit", (code) => {
      if (result) return resolve(result.value);
      const reason = faults.join("").trim() || `the process ended with code ${code ?? "none"}`;
      reject(new LecternError("engine", `${what}: ${reason}`));
    });
    child.send(order);
  });
}
