import { expect, test } from "vitest";
import { chooseFiles } from "./choose.ts";

const id = { repository: "a/b" };

test("of a repository only what is read is chosen, and safetensors before all other weights", () => {
  const names = [
    "config.json",
    "model.safetensors",
    "pytorch_model.bin",
    "tf_model.h5",
    "vocab.txt",
    "onnx/model.onnx",
  ];
  expect(chooseFiles(id, names, "model").files).toEqual(["config.json", "vocab.txt", "model.safetensors"]);
});

test("sentence-transformers' modules and an adapter's weights belong to a model", () => {
  const names = ["config.json", "model.safetensors", "modules.json", "1_Pooling/config.json", "sub/config.json"];
  expect(chooseFiles(id, names, "model").files).toEqual([
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "model.safetensors",
  ]);
  expect(chooseFiles(id, ["adapter_config.json", "adapter_model.safetensors"], "model").files).toEqual([
    "adapter_config.json",
    "adapter_model.safetensors",
  ]);
});

test("a tokenizer needs no weights", () => {
  const { files } = chooseFiles(id, ["config.json", "tokenizer.model", "pytorch_model.bin", "README.md"], "tokenizer");
  expect(files).toEqual(["config.json", "tokenizer.model"]);
});

test("a GGUF file is found by its name or its quantization, with all its parts", () => {
  const names = [
    "m.Q4_0.gguf",
    "m.Q4_K_M.gguf",
    "m-q8_0.gguf",
    "big-F16-00001-of-00002.gguf",
    "big-F16-00002-of-00002.gguf",
  ];
  const of = (quantization: string) => chooseFiles({ ...id, quantization }, names, "model").files;
  expect(of("Q4_0")).toEqual(["m.Q4_0.gguf"]);
  expect(of("q8_0")).toEqual(["m-q8_0.gguf"]);
  expect(of("Q4_K_M")).toEqual(["m.Q4_K_M.gguf"]);
  expect(of("F16")).toEqual(["big-F16-00001-of-00002.gguf", "big-F16-00002-of-00002.gguf"]);
  expect(() => of("Q4_K")).toThrow(/a\/b has no GGUF file of quantization Q4_K; it has a\/b\/m\.Q4_0\.gguf/);
  expect(() => chooseFiles({ ...id, file: "m.Q5_0.gguf" }, names, "model")).toThrow(/did you mean m\.Q4_0\.gguf\?/);
});

test.each(["pytorch_model.bin", "model.ckpt", "weights.pt"])("pickled weights are refused with advice: %s", (name) => {
  for (const asked of [id, { ...id, file: name }])
    expect(() => chooseFiles(asked, ["config.json", name], "model")).toThrow(/to run what it says.*save_pretrained/);
});

test("a repository of GGUF files says how to ask for one", () => {
  expect(() => chooseFiles(id, ["config.json", "m.Q4_0.gguf"], "model")).toThrow(
    /ask for one of them: a\/b\/m\.Q4_0\.gguf/,
  );
});
