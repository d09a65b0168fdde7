/** The machine and the versions that results belong to. */

import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { engineFiles } from "../../dist/runtime/node.js";
import { python } from "./measure.mjs";

/** Instruction sets that decide how fast matrices are multiplied. */
const FLAGS = ["avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimd", "i8mm"];

/** The number of cores: on Linux, processors that share one count once. */
async function coreCount(processors) {
  const folder = "/sys/devices/system/cpu";
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^cpu\d+$/.test(name));
  const siblings = names.map((name) =>
    readFile(`${folder}/${name}/topology/thread_siblings_list`, "utf8").catch(() => name),
  );
  const cores = new Set(await Promise.all(siblings)).size;
  return cores === 0 ? processors : Math.min(cores, processors);
}

export async function machineFacts() {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "unknown processor";
  const info = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const named = /^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.split(" ") ?? [];
  return {
    processor: model,
    cores: await coreCount(processors.length),
    flags: FLAGS.filter((flag) => named.includes(flag)),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
  };
}

const versionOf = async (url) => {
  const text = await readFile(new URL(url, import.meta.url), "utf8").catch(() => "{}");
  return JSON.parse(text).version;
};

export async function versions() {
  const peers = {
    "node-llama-cpp": await versionOf("../node_modules/node-llama-cpp/package.json"),
    "Transformers.js": await versionOf("../node_modules/@huggingface/transformers/package.json"),
  };
  const found = { Lectern: await versionOf("../../package.json"), Node: process.versions.node };
  return { ...found, "ONNX Runtime": engineFiles().version, ...peers, ...pythonVersions() };
}

function pythonVersions() {
  if (!python) return {};
  const modules = { PyTorch: "torch", transformers: "transformers", CTranslate2: "ctranslate2" };
  const script = `import importlib.metadata as m, json
found = {}
for name, module in ${JSON.stringify(modules)}.items():
    try: found[name] = m.version(module)
    except m.PackageNotFoundError: pass
print(json.dumps(found))`;
  return JSON.parse(execFileSync(python, ["-c", script], { encoding: "utf8" }));
}
