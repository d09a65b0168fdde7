import { afterAll, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { loadModel } from "./model.ts";
import { Uses } from "./uses.ts";

const model = await loadModel(fixture("models/gpt2"));
afterAll(() => model.dispose());

test("adapters do not change while a generation runs, and do once it has ended", async () => {
  const prompt = { inputIds: [5, 6, 7] };
  const options = { maxNewTokens: 30, eosTokenId: null };
  const alone = await model.generate(prompt, options);
  let began = (): void => {};
  const beginning = new Promise<void>((resolve) => {
    began = resolve;
  });
  const running = model.generate(prompt, { ...options, onToken: began });
  await beginning;
  for (const change of [model.useAdapter(undefined), model.addAdapter("a", fixture("models/gpt2"))])
    await expect(change).rejects.toMatchObject({ code: "usage", message: expect.stringContaining("is computing") });
  expect((await running).outputIds).toEqual(alone.outputIds);
  await model.useAdapter(undefined);
});

test("what is computed waits for a change, and changes wait for each other", async () => {
  const uses = new Uses();
  const order: string[] = [];
  const step = (name: string) => async (): Promise<void> => {
    order.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 2));
    order.push(`${name} ends`);
  };
  await Promise.all([uses.change("a", step("a")), uses.change("b", step("b")), uses.during(step("c"))]);
  expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("a change that fails lets others go on", async () => {
  const uses = new Uses();
  await expect(uses.change("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await uses.during(async () => 5)).toBe(5);
  await expect(uses.during(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await uses.change("b", async () => 6)).toBe(6);
});
