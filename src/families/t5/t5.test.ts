import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, maxDifference } from "../../../test/helpers/fixtures.ts";
import { loadModel } from "../../inference/index.ts";

/** The logits of T5 1.1 with other settings in its config. */
async function logitsWith(settings: object): Promise<Parameters<typeof maxDifference>[0]> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/t5_gated"), folder, { recursive: true });
  const path = join(folder, "config.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...settings }));
  const model = await loadModel(folder);
  const { logits } = await model.forward({ inputIds: [[5, 6, 7, 1]], decoderInputIds: [[0, 8, 9]] });
  await model.dispose();
  return logits as Parameters<typeof maxDifference>[0];
}

test("whether the output is scaled follows scale_decoder_outputs; without it, whether embeddings are tied", async () => {
  const own = await logitsWith({ tie_word_embeddings: false });
  const asSavedBy5 = await logitsWith({ tie_word_embeddings: true, scale_decoder_outputs: false });
  expect(maxDifference(asSavedBy5, own)).toBe(0);
  const scaled = await logitsWith({ tie_word_embeddings: true });
  expect(maxDifference(scaled, own)).toBeGreaterThan(0.1);
  const mt5 = { model_type: "mt5", architectures: ["MT5ForConditionalGeneration"] };
  expect(maxDifference(await logitsWith({ ...mt5, tie_word_embeddings: true }), own)).toBe(0);
});
