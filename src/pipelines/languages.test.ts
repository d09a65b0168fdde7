import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { loadModel, type Model } from "../inference/index.ts";
import { languageSource } from "./languages.ts";
import type { TaskContext } from "./task.ts";

/** A model of a type, with a vocabulary of words; what is asked of it here is no more. */
function context(
  task: string,
  config: Record<string, unknown>,
  { vocabulary = [], className = "" }: { vocabulary?: string[]; className?: string } = {},
): TaskContext {
  const tokenizer = {
    className,
    id: (token: string) => (vocabulary.includes(token) ? vocabulary.indexOf(token) : undefined),
    token: (id: number) => vocabulary[id],
    specialId: (name: string) => (name === "eos_token" ? vocabulary.indexOf("</s>") : undefined),
  };
  const model = { config, family: "test", location: "test" } as unknown as Model;
  return { task, model, tokenizer, batchSize: 1, signal: undefined, onDone: () => {} } as unknown as TaskContext;
}

describe("how models are told of languages", () => {
  test("T5 by words, or as the checkpoint says", () => {
    const t5 = { model_type: "t5" };
    expect(languageSource(context("translation", t5), { srcLang: "en", tgtLang: "de" }).prefix).toBe(
      "translate English to German: ",
    );
    expect(languageSource(context("translation_en_to_ro", t5), {}).prefix).toBe("translate English to Romanian: ");
    const settings = { ...t5, task_specific_params: { translation_en_to_fr: { prefix: "en>fr: " } } };
    expect(languageSource(context("translation", settings), { srcLang: "en", tgtLang: "fr" })).toMatchObject({
      prefix: "en>fr: ",
      task: "translation_en_to_fr",
    });
    expect(languageSource(context("translation", t5), {}).prefix).toBeUndefined();
  });

  test("any model by the prefixes that its checkpoint names, of which one language may tell", () => {
    const task_specific_params = {
      translation_en_to_de: { prefix: "to German: " },
      translation_en_to_fr: { prefix: "to French: " },
      summarization: { prefix: "summarize: " },
    };
    const model = context("translation", { model_type: "marian", task_specific_params });
    expect(languageSource(model, { tgtLang: "fr" })).toMatchObject({
      prefix: "to French: ",
      task: "translation_en_to_fr",
    });
    expect(languageSource(model, { srcLang: "en", tgtLang: "de" }).prefix).toBe("to German: ");
    expect(languageSource(model, {}).prefix).toBeUndefined();
    expect(() => languageSource(model, { tgtLang: "es" })).toThrow("supports en to de, en to fr; got tgtLang es");
    expect(() => languageSource(model, { srcLang: "en" })).toThrow("supports en to de, en to fr; got srcLang en");
  });

  test("Marian by a token before the text", () => {
    const marian = context("translation", { model_type: "marian" }, { vocabulary: ["</s>", ">>fra<<"] });
    expect(languageSource(marian, { tgtLang: "fra" }).prefix).toBe(">>fra<< ");
  });

  test.each([
    ["mbart", "MBart50TokenizerFast", ["</s>", "en_XX", "de_DE", "w"], "en_XX", "de_DE", [1, 3, 0], [1, 3, 0], 2],
    ["mbart", "MBartTokenizerFast", ["</s>", "en_XX", "de_DE", "w"], "de_DE", "en_XX", [3, 0, 1], [3, 0, 2], 1],
    ["m2m_100", "M2M100Tokenizer", ["</s>", "__en__", "__de__", "w"], "de", "en", [1, 3, 0], [2, 3, 0], 1],
    [
      "m2m_100",
      "NllbTokenizerFast",
      ["</s>", "eng_Latn", "deu_Latn", "w"],
      "eng_Latn",
      "deu_Latn",
      [2, 3, 0],
      [1, 3, 0],
      2,
    ],
    ["m2m_100", "PreTrainedTokenizerFast", ["</s>", "__en__", "__de__", "w"], "en", "de", [3, 0], [1, 3, 0], 2],
  ] as const)(
    "%s with %s by tokens on both sides",
    (type, className, vocabulary, srcLang, tgtLang, ids, wrapped, forced) => {
      const given = context("translation", { model_type: type }, { vocabulary: [...vocabulary], className });
      const source = languageSource(given, { srcLang, tgtLang });
      expect(source.wrap(ids)).toEqual(wrapped);
      expect(source.forcedBosTokenId).toBe(forced);
    },
  );
});

test("the forced first token reaches generation, and the source's token the encoder", async () => {
  const { pipeline } = await import("./pipeline.ts");
  const model = await loadModel(fixture("models/m2m_100"));
  const { tokenizer } = model;
  const [source, target] = [20, 30].map((id) => tokenizer?.token(id) as string) as [string, string];
  const translate = await pipeline("translation", model);
  const ids = tokenizer?.encode("A fox.", { addSpecialTokens: false }).ids as number[];
  const eos = tokenizer?.specialId("eos_token") as number;
  const options = { maxNewTokens: 4, numBeams: 1 };
  const expected = await model.generate({ inputIds: [[20, ...ids, eos]] }, { ...options, forcedBosTokenId: 30 });
  expect(expected.outputIds[0]).toBe(30);
  const [result] = await translate("A fox.", { srcLang: source, tgtLang: target, ...options });
  expect(result?.translation_text).toBe(expected.text);
  await model.dispose();
});
