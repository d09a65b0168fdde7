import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { openDirectory } from "../../formats/index.ts";
import { openModelFiles } from "../model-files.ts";
import { adaptedParameters } from "./adapters.ts";
import { adapterPlan, isLearned, type LoraConfig, parseLoraConfig } from "./lora-config.ts";

const lora = (settings: Partial<LoraConfig>): LoraConfig => ({
  r: 4,
  loraAlpha: 8,
  targetModules: "all-linear",
  ...settings,
});

test("a module that is kept whole is kept with all that lies in it", () => {
  const config = lora({ targetModules: ["query", "dense"], modulesToSave: ["classifier"] });
  const [plan, learned] = [adapterPlan(config), isLearned(config)];
  expect(plan("classifier.dense")).toBeUndefined();
  expect(plan("roberta.encoder.layer.0.output.dense")?.rank).toBe(4);
  expect(learned("classifier.dense.weight")).toBe(true);
  expect(learned("classifier.out_proj.bias")).toBe(true);
  expect(learned("roberta.encoder.layer.0.output.dense.weight")).toBe(false);
  expect(learned("sop_classifier.dense.weight")).toBe(false);
});

test("no table of embeddings is changed, though a tied one scores words as a linear layer does", async () => {
  const { architecture } = await openModelFiles(await openDirectory(fixture("models/modernbert_mlm")));
  const paths = [...adaptedParameters(architecture, lora({})).keys()].filter((path) => path.includes(".lora_A."));
  expect(paths).toContain("head.dense.lora_A.weight");
  expect(paths.filter((path) => /embed|decoder/.test(path))).toEqual([]);
});

test.each([
  ["(?i).*Q_PROJ", true],
  [".*Q_PROJ", false],
  ["(?P<part>self_attn|mlp)\\.q_proj", false],
  [".*(?P<part>self_attn|mlp)\\.q_proj", true],
  [".*layers\\.(?P<n>\\d)\\.(?:x|y)?self_attn.*", true],
  ["(.*)*x", false],
])("Python's pattern %s names a query projection: %s", (targetModules, isNamed) => {
  const found = adapterPlan(lora({ targetModules }))("model.layers.0.self_attn.q_proj");
  expect(found !== undefined).toBe(isNamed);
});

test.each(["(?x) .* q_proj", "(?P<n>a)(?P=n)", "("])("the pattern %s is refused in words", (targetModules) => {
  expect(() => adapterPlan(lora({ targetModules }))).toThrow(/^adapter_config\.json: the pattern .* cannot be read: /);
});

test("layers are told by the first number in a path, or by the names of their lists", () => {
  const path = "model.layers.1.experts.0.up_proj";
  const named = (settings: Partial<LoraConfig>): boolean =>
    adapterPlan(lora({ targetModules: ["up_proj"], ...settings }))(path) !== undefined;
  expect([0, 1].map((layer) => named({ layersToTransform: [layer] }))).toEqual([false, true]);
  expect([0, 1].map((layer) => named({ layersToTransform: [layer], layersPattern: ["experts"] }))).toEqual([
    true,
    false,
  ]);
  expect(named({ layersToTransform: [1], layersPattern: ["h", "layers"] })).toBe(true);
});

test.each([
  ["exclude_modules", 7, "a list of names, or a text"],
  ["modules_to_save", "x", "a list of names"],
  ["modules_to_save", [1], "a list of names"],
  ["target_modules", { q_proj: 1 }, "a list of names, or a text"],
  ["r", 2.5, "a number above 0"],
  ["r", "8", "a number above 0"],
  ["lora_alpha", -1, "a number above 0"],
  ["lora_dropout", 1.5, "a number above 0"],
  ["rank_pattern", [4], "an object of numbers above 0"],
  ["rank_pattern", { q_proj: "4" }, "an object of numbers above 0"],
  ["alpha_pattern", 3, "an object of numbers above 0"],
  ["layers_to_transform", "0", "a layer's number, or a list of them"],
  ["layers_pattern", 1, "a list of names, or a text"],
  ["use_dora", "yes", "true or false"],
  ["trainable_token_indices", [-1], "a list of ids, or an object of such lists"],
  ["trainable_token_indices", { wte: 3 }, "a list of ids, or an object of such lists"],
])("%s = %j in adapter_config.json is refused with what is expected", (key, value, expected) => {
  expect(() => parseLoraConfig({ ...peft, [key]: value })).toThrow(
    expect.objectContaining({
      code: "config",
      message: `adapter_config.json: ${key} must be ${expected}; got ${JSON.stringify(value)}`,
    }),
  );
});

const peft = { peft_type: "LORA", r: 4, lora_alpha: 8, target_modules: ["q_proj"] };

test("an empty list asks for nothing; one with entries that is not supported is refused", () => {
  expect(parseLoraConfig({ ...peft, target_parameters: [] })).toMatchObject({ targetModules: ["q_proj"] });
  expect(() => parseLoraConfig({ ...peft, target_parameters: ["down_proj"] })).toThrow(
    'target_parameters = ["down_proj"] is not supported',
  );
});

test.each([
  ["pissa", "save_pretrained(…, path_initial_model_for_weight_conversion=…)"],
  ["pissa_niter_4", "path_initial_model_for_weight_conversion"],
  ["olora", "path_initial_model_for_weight_conversion"],
  ["corda", "path_initial_model_for_weight_conversion"],
  ["loftq", "merge_and_unload"],
])("an adapter that began as %s changes its base, and is refused", (beginning, remedy) => {
  const parse = () => parseLoraConfig({ ...peft, init_lora_weights: beginning });
  expect(parse).toThrow(`init_lora_weights = "${beginning}" changes the base's own weights`);
  expect(parse).toThrow(remedy);
});

test.each([true, false, "gaussian", "eva", "orthogonal"])(
  "init_lora_weights = %s leaves the base as it is",
  (beginning) => {
    expect(parseLoraConfig({ ...peft, init_lora_weights: beginning }).r).toBe(4);
  },
);

test.each([
  [{ exclude_modules: 7 }, "exclude_modules must be a list of names, or a text; got 7"],
  [{ modules_to_save: "x" }, 'modules_to_save must be a list of names; got "x"'],
  [{ target_modules: [7] }, "target_modules must be a list of names, or a text; got [7]"],
  [{ target_modules: null }, "target_modules must name the layers; got nothing"],
  [{ rank_pattern: { q_proj: "4" } }, 'rank_pattern must be an object of numbers above 0; got {"q_proj":"4"}'],
  [{ alpha_pattern: [1] }, "alpha_pattern must be an object of numbers above 0; got [1]"],
  [{ layers_to_transform: ["0"] }, "layers_to_transform must be a layer's number, or a list of them"],
  [{ r: 0 }, "r must be a number above 0; got 0"],
  [{ lora_alpha: Number.POSITIVE_INFINITY }, "lora_alpha must be a number above 0"],
  [{ peft_type: undefined }, "peft_type nothing is not supported"],
])("%j is refused in words", (fields, message) => {
  expect(() => parseLoraConfig({ ...peft, ...fields })).toThrow(`adapter_config.json: ${message}`);
});
