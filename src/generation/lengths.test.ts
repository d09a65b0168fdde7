import { describe, expect, test, vi } from "vitest";
import { loadModel } from "../index.ts";
import { LocalModel } from "../inference/local-model.ts";
import { newTokenLimit, overruledLengths, settleLengths } from "./lengths.ts";

describe("lengths of prompt and new tokens", () => {
  test("have no effect beside numbers of new tokens", () => {
    expect(settleLengths({ maxLength: 9, maxNewTokens: 3, minLength: 8, minNewTokens: 0 })).toEqual({
      maxNewTokens: 3,
      minNewTokens: 0,
    });
    expect(settleLengths({ maxLength: 9, minLength: 8, topK: 4 })).toEqual({ maxLength: 9, minLength: 8, topK: 4 });
    expect(settleLengths({ maxLength: 9, minNewTokens: 2 })).toEqual({ maxLength: 9, minNewTokens: 2 });
  });

  test("are told where a call gives them without effect", () => {
    expect(overruledLengths({ maxLength: 9 }, { maxNewTokens: 200 })).toEqual([
      "generation: maxLength has no effect beside maxNewTokens, which is 200 in the checkpoint's generation_config.json; give maxNewTokens",
    ]);
    expect(overruledLengths({ minLength: 9, minNewTokens: 1 }, { minNewTokens: 2 })).toEqual([
      "generation: minLength has no effect beside minNewTokens; leave one of them out",
    ]);
    expect(overruledLengths({ maxLength: 9, minLength: 5 }, { maxLength: 20 })).toEqual([]);
    expect(overruledLengths({ maxNewTokens: 9 }, { maxLength: 20, minLength: 3 })).toEqual([]);
  });

  test("that leave no room are refused with what bounds them", () => {
    const limit = (options: object) => (): number => newTokenLimit(options, 4, 32);
    expect(limit({ maxNewTokens: 3, minNewTokens: 5 })).toThrow(
      "minNewTokens 5 asks for at least 5 new tokens after a prompt of 4, but maxNewTokens is 3",
    );
    expect(limit({ maxLength: 10, minLength: 12 })).toThrow(
      "minLength 12 asks for at least 8 new tokens after a prompt of 4, but maxLength is 10",
    );
    expect(limit({ minNewTokens: 40 })).toThrow("but the context window of 32 has room for 29");
    expect(() => newTokenLimit({ minNewTokens: 200 }, 4, 512)).toThrow(
      "but maxNewTokens is 128 where nothing says more",
    );
    expect(limit({ maxLength: 4 })).toThrow("maxLength 4 leaves no room after a prompt of 4 tokens");
  });

  /** As transformers 5.23.0 generates on the same checkpoint in float32. */
  test.each([
    [{ maxNewTokens: 8, minLength: 10 }, [12, 270, 333, 311, 499, 1818, 364, 373]],
    [{ maxNewTokens: 8, minLength: 10, minNewTokens: 0 }, [14]],
    [{ maxNewTokens: 8, minLength: 10, minNewTokens: 2 }, [12, 270, 333, 311, 499, 1818, 364, 373]],
    [{ maxNewTokens: 3, maxLength: 9, minLength: 6 }, [12, 270, 333]],
    [
      { maxLength: 7, minLength: 14 },
      [12, 270, 333, 311, 499, 1818, 364, 373, 12, 270, 333, 311, 361, 669, 327, 1533, 860, 276, 304, 972, 14],
    ],
  ])("%j of a call are those of the reference, the checkpoint's 200 new tokens beside them", async (lengths, ids) => {
    await using model = await loadModel("stories");
    const { outputIds } = await model.generate(
      { inputIds: [[5, 9, 11, 20]] },
      { doSample: false, eosTokenId: 14, ...lengths },
    );
    expect(outputIds).toEqual(ids);
  });

  test("that have no effect are warned of once", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const model = await LocalModel.open({ location: "models/stories" });
    for (let call = 0; call < 2; call++)
      await model.generate({ inputIds: [[5]], options: { maxLength: 3, maxTime: 0 } }, {});
    expect(warn.mock.calls.map(([message]) => String(message))).toEqual([
      expect.stringContaining("maxLength has no effect beside maxNewTokens, which is 200"),
    ]);
    warn.mockRestore();
    await model.dispose();
  });
});
