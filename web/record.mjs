/** Records the page's first picture from the built library: node web/record.mjs, after npm run build. */
import { writeFileSync } from "node:fs";
import { loadModel, studioCall } from "../dist/index.js";

/** As in src/state.ts: the text and the options that the page opens with. */
const text = "Once upon a time, there was a little girl named Lily. The little";
const options = {
  doSample: true,
  temperature: 0.8,
  topK: 0,
  topP: 0.95,
  minP: 0,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  maxNewTokens: 12,
  seed: 7,
};

/** A matrix in signed bytes. */
function pack({ shape, data }) {
  const most = Math.max(...data.map(Math.abs));
  const bytes = Buffer.from(Int8Array.from(data, (value) => Math.round((127 * value) / most)).buffer);
  return { shape, bytes: bytes.toString("base64"), scale: most / 127 };
}

const model = await loadModel("stories");
const facts = await studioCall(model, "describe");
const generation = await studioCall(model, "generate", { text, options, candidates: 24 });
const ids = [...generation.inputIds, ...generation.steps.slice(0, -1).map(({ id }) => id)];
const { attentions, embeddings, norms: _, ...trace } = await studioCall(model, "trace", { ids, window: 64 });
const lens = await studioCall(model, "lens", { ids: generation.inputIds, top: 5 });
const short = (name, value) =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(name === "scale" ? 6 : 4)) : value;
const frame = { facts, generation, trace, lens, embeddings, attentions };
const packed = { ...frame, attentions: attentions.map(pack), embeddings: pack(embeddings) };
writeFileSync(new URL("frame.json", import.meta.url), `${JSON.stringify(packed, short)}\n`);
await model.dispose();
