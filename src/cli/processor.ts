import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { arch } from "node:os";
import { promisify } from "node:util";

/** Instruction sets that matter to the engine's kernels, and the flags of a processor that has them. */
const sets: readonly (readonly [name: string, flags: RegExp])[] = [
  ["AVX2", /\bavx2(_0)?\b/],
  ["AVX-512", /\bavx512f\b/],
  ["VNNI", /\bavx(512)?_vnni\b|\bavx512vnni\b/],
  ["AMX", /\bamx[_-](tile|int8)\b/],
  ["NEON", /\basimd\b|\bneon: 1\b|\badvsimd: 1\b/],
  ["dot product", /\basimddp\b|\bfeat_dotprod: 1\b/],
  ["int8 matrix product", /\bi8mm\b|\bfeat_i8mm: 1\b/],
  ["SVE", /\bsve\b/],
];

/** The instruction sets of a processor. @param flags as the system writes them: /proc/cpuinfo of Linux, sysctl of macOS */
export function instructionSets(flags: string): string[] {
  const text = flags.toLowerCase();
  return sets.filter(([, pattern]) => pattern.test(text)).map(([name]) => name);
}

/** The instruction sets of this processor; null where the system does not report them. */
export async function ownInstructionSets(): Promise<string[] | null> {
  const flags = await readFlags().catch(() => undefined);
  return flags === undefined ? null : instructionSets(flags);
}

async function readFlags(): Promise<string | undefined> {
  if (process.platform === "linux") {
    const lines = (await readFile("/proc/cpuinfo", "utf8")).split("\n");
    return lines.find((line) => /^(flags|Features)\s*:/.test(line));
  }
  if (process.platform !== "darwin") return undefined;
  const keys =
    arch() === "arm64"
      ? ["hw.optional.AdvSIMD", "hw.optional.arm.FEAT_DotProd", "hw.optional.arm.FEAT_I8MM"]
      : ["machdep.cpu.features", "machdep.cpu.leaf7_features"];
  return (await promisify(execFile)("sysctl", keys)).stdout.replaceAll(/hw\.optional\.(arm\.)?/g, "");
}
