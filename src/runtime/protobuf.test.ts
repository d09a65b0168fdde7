import { expect, test } from "vitest";
import { ProtobufWriter } from "./protobuf.ts";

const bytesOf = (write: (writer: ProtobufWriter) => unknown): number[] => {
  const writer = new ProtobufWriter();
  write(writer);
  return [...writer.finish()];
};

test.each([
  [0, [8, 0]],
  [127, [8, 127]],
  [128, [8, 128, 1]],
  [300, [8, 172, 2]], // https://protobuf.dev/programming-guides/encoding/#varints
  [2 ** 31, [8, 128, 128, 128, 128, 8]],
  [2 ** 53 - 1, [8, 255, 255, 255, 255, 255, 255, 255, 15]],
  [-1, [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
  [-2, [8, 254, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
])("writes the varint %d", (value, bytes) => {
  expect(bytesOf((writer) => writer.integer(1, value))).toEqual(bytes);
});

test("writes texts, floats and nested messages, small and large, in order", () => {
  expect(bytesOf((writer) => writer.text(2, "testing"))).toEqual([18, 7, 116, 101, 115, 116, 105, 110, 103]);
  expect(bytesOf((writer) => writer.float(2, 1))).toEqual([21, 0, 0, 128, 63]);
  expect(bytesOf((writer) => writer.message(3, (inner) => inner.integer(1, 150)))).toEqual([26, 3, 8, 150, 1]);
  const large = Uint8Array.from({ length: 3000 }, (_, i) => i % 251);
  const nested = bytesOf((writer) =>
    writer
      .integer(1, 1)
      .message(3, (inner) => inner.integer(1, 2).bytes(2, large).integer(3, 4))
      .integer(5, 6),
  );
  const inner = [8, 2, 18, 184, 23, ...large, 24, 4];
  expect(inner).toHaveLength(3007);
  expect(nested).toEqual([8, 1, 26, 191, 23, ...inner, 40, 6]);
});

test("a message of many small fields keeps them all", () => {
  const bytes = bytesOf((writer) => {
    for (let i = 0; i < 1000; i++) writer.integer(1, i % 100);
  });
  expect(bytes).toHaveLength(2000);
  expect(bytes.filter((_, i) => i % 2 === 1)).toEqual(Array.from({ length: 1000 }, (_, i) => i % 100));
});
