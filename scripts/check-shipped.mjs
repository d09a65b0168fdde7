/**
 * A shipped directory beside Python's transformers, which loads it as it is: the largest difference of the logits.
 *   node scripts/check-shipped.mjs PYTHON [MODEL …]
 * PYTHON has torch and transformers. Without a model, all those of models/ whose family transformers has.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModel } from "../dist/index.js";

const REFERENCE = `
import json, sys, torch, transformers
directory, ids = sys.argv[1], json.loads(sys.argv[2])
kind = json.load(open(directory + "/config.json"))["architectures"][0]
model = getattr(transformers, kind).from_pretrained(directory, dtype=torch.float32).eval()
inputs = {"input_ids": torch.tensor([ids])}
if model.config.is_encoder_decoder: inputs["decoder_input_ids"] = torch.tensor([ids])
text = transformers.AutoTokenizer.from_pretrained(directory)(sys.argv[3])["input_ids"]
with torch.no_grad(): logits = model(**inputs).logits
json.dump({"version": transformers.__version__, "ids": text, "logits": logits.flatten().tolist()}, sys.stdout)
`;
const TEXT = "Once upon a time there was a king.";
const folder = fileURLToPath(new URL("../models/", import.meta.url));
const [python, ...asked] = process.argv.slice(2);
const configOf = (name) => JSON.parse(readFileSync(`${folder}${name}/config.json`, "utf8"));
const isKnown = (name) => existsSync(`${folder}${name}/config.json`) && !configOf(name).model_type.includes("rnn");

for (const name of asked.length > 0 ? asked : readdirSync(folder).filter(isKnown)) {
  const directory = `${folder}${name}`;
  const model = await loadModel(directory);
  const { ids } = model.tokenizer.encode(TEXT);
  const { logits } = await model.forward({
    inputIds: [ids],
    ...(model.isEncoderDecoder && { decoderInputIds: [ids] }),
  });
  await model.dispose();
  const options = { encoding: "utf8", maxBuffer: 2 ** 30, stdio: ["ignore", "pipe", "ignore"] };
  const reference = JSON.parse(execFileSync(python, ["-c", REFERENCE, directory, JSON.stringify(ids), TEXT], options));
  const sizes = [logits.data.length, reference.logits.length];
  const difference =
    sizes[0] === sizes[1]
      ? logits.data.reduce((most, x, i) => Math.max(most, Math.abs(x - reference.logits[i])), 0)
      : Infinity;
  const sameIds = JSON.stringify(ids) === JSON.stringify(reference.ids);
  console.log(
    `${name}: ${sizes[0]} logits, largest difference ${difference.toExponential(1)}, token ids ${sameIds ? "equal" : "differ"} (transformers ${reference.version})`,
  );
  if (!(difference < 1e-4 && sameIds)) process.exitCode = 1;
}
