import { check, didYouMean, LecternError } from "../../common/index.ts";
import type { HubId } from "./hub-id.ts";
import type { Need } from "./options.ts";

/** The parsed files of a tokenizer, of whatever kind. */
const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spiece.model",
  "sentencepiece.bpe.model",
  "tokenizer.model",
  "spm.model",
  "source.spm",
  "target.spm",
];

const MODEL_FILES = [
  "generation_config.json",
  "modules.json",
  ...["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map(
    (name) => `sentence_${name}_config.json`,
  ),
  "config_sentence_transformers.json",
  "adapter_config.json",
  "README.md",
];

export const INDEX = "model.safetensors.index.json";

/** The files of a repository that are needed. */
export interface Choice {
  readonly files: readonly string[];
  /** Looked for and not there. */
  readonly absent: readonly string[];
  /** The file that the model is, where it is one file. */
  readonly file?: string;
}

/** Chooses among the names of a repository's files; the shards that an index names come on top. */
export function chooseFiles(id: HubId, names: readonly string[], need: Need): Choice {
  if (id.file !== undefined || id.quantization !== undefined) return chooseGguf(id, names);
  const wanted = ["config.json", ...TOKENIZER_FILES, ...(need === "model" ? MODEL_FILES : [])];
  const all = new Set(names);
  if (need === "tokenizer" && !["config.json", ...TOKENIZER_FILES].some((name) => all.has(name)))
    throw new LecternError("unsupported", `${id.repository} has no tokenizer`);
  const weights = need === "model" ? weightsOf(id, all) : [];
  const folders =
    need === "model" ? names.filter((name) => /^\d+_\w+\/(config\.json|model\.safetensors)$/.test(name)) : []; // modules of sentence-transformers
  return {
    files: [...wanted.filter((name) => all.has(name)), ...folders, ...weights],
    absent: wanted.filter((name) => !all.has(name)),
  };
}

function weightsOf({ repository }: HubId, names: ReadonlySet<string>): string[] {
  const isAdapter = names.has("adapter_config.json");
  if (isAdapter && names.has("adapter_model.safetensors")) return ["adapter_model.safetensors"];
  const found = ["model.safetensors", INDEX].find((name) => names.has(name));
  if (found !== undefined && names.has("config.json")) return [found];
  const ggufs = [...names].filter((name) => name.endsWith(".gguf"));
  if (ggufs.length > 0)
    throw new LecternError(
      "usage",
      `${repository} holds GGUF files; ask for one of them: ${offered(repository, ggufs)}`,
    );
  const pickled = [...names].find(isPickle);
  if (pickled !== undefined) throw pickleRefused(repository, pickled);
  throw new LecternError(
    "unsupported",
    `${repository} is no model that can be read: it needs config.json and model.safetensors; it has ${[...names].slice(0, 8).join(", ") || "no files"}`,
  );
}

function chooseGguf({ repository, file, quantization }: HubId, names: readonly string[]): Choice {
  if (file !== undefined && isPickle(file)) throw pickleRefused(repository, file);
  check(
    file === undefined || file.endsWith(".gguf"),
    "usage",
    () => `${repository}/${file}: single files are read where they are .gguf; ask for ${repository}`,
  );
  const ggufs = names.filter((name) => name.endsWith(".gguf"));
  const found = file === undefined ? ofQuantization(ggufs, quantization ?? "") : ggufs.find((name) => name === file);
  if (found === undefined) {
    const hint = (file === undefined ? "" : didYouMean(file, ggufs)) || `; it has ${offered(repository, ggufs)}`;
    throw new LecternError("hub", `${repository} has no ${file ?? `GGUF file of quantization ${quantization}`}${hint}`);
  }
  const part = /-\d{5}-of-\d{5}\.gguf$/;
  const files = part.test(found)
    ? ggufs.filter((name) => part.test(name) && name.replace(part, "") === found.replace(part, "")).sort()
    : [found];
  return { files, absent: [], file: files[0] as string };
}

/** `model.Q4_0.gguf`, `model-q4_0.gguf`, `Q4_0/model-00001-of-00002.gguf`; the name must not go on, as Q4_K does in Q4_K_M. */
function ofQuantization(ggufs: readonly string[], quantization: string): string | undefined {
  const name = quantization.replaceAll(/[.]/g, "\\$&");
  const pattern = new RegExp(`(^|[-./_])${name}(?=$|[-./])`, "i");
  return ggufs.filter((gguf) => pattern.test(gguf)).sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0];
}

function offered(repository: string, ggufs: readonly string[]): string {
  return ggufs.length === 0
    ? "no GGUF files"
    : ggufs
        .slice(0, 12)
        .map((name) => `${repository}/${name}`)
        .join(", ");
}

/** The formats of weights that are programs: to read them is to run them. */
function isPickle(name: string): boolean {
  return /\.(bin|pt|pth|ckpt|pkl|pickle)$/.test(name) && !/^(training_args|optimizer|scheduler)/.test(name);
}

/** The error for pickled weights, with what to do. */
export function pickleRefused(where: string, file: string): LecternError {
  const isAdapter = /(^|\/)adapter_model\.\w+$/.test(file);
  const remedy = isAdapter
    ? `look for a revision with adapter_model.safetensors, or convert it in Python: safetensors.torch.save_file(torch.load("${file}", weights_only=True), "adapter_model.safetensors")`
    : `look for a revision with model.safetensors, or convert it in Python where you trust it: AutoModel.from_pretrained("${where}").save_pretrained("converted", safe_serialization=True)`;
  return new LecternError(
    "unsupported",
    `${where}: the weights are pickled (${file}), and to unpickle a file is to run what it says, so it is never read; ${remedy}`,
  );
}
