import type { OnnxAttribute, OnnxBody, OnnxNode, OnnxValueInfo } from "../graph/index.ts";
import type { OnnxGraph, OnnxInitializer } from "../lowering/index.ts";
import { byteLength, elementCount, onnxTypes } from "../tensor/index.ts";
import { ProtobufWriter } from "./protobuf.ts";

/** Field and type numbers are those of onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const IR_VERSION = 10;
const OPSET = 21;

/** A lowered graph as the bytes of an ONNX model; weights in files are named by `locate`. */
export function writeOnnx(graph: OnnxGraph, locate: (file: string) => string): Uint8Array {
  const model = new ProtobufWriter().integer(1, IR_VERSION).text(2, "lectern");
  model.message(7, (out) => {
    writeGraph(out, graph);
    for (const initializer of graph.initializers)
      out.message(5, (message) => writeInitializer(message, initializer, locate));
  });
  model.message(8, (out) => out.text(1, "").integer(2, OPSET));
  model.message(8, (out) => out.text(1, "com.microsoft").integer(2, 1));
  return model.finish();
}

function writeGraph(out: ProtobufWriter, { nodes, inputs, outputs }: OnnxBody): void {
  for (const node of nodes) out.message(1, (message) => writeNode(message, node));
  out.text(2, "lectern");
  for (const info of inputs) out.message(11, (message) => writeInfo(message, info));
  for (const info of outputs) out.message(12, (message) => writeInfo(message, info));
}

function writeNode(out: ProtobufWriter, node: OnnxNode): void {
  for (const name of node.inputs) out.text(1, name);
  for (const name of node.outputs) out.text(2, name);
  out.text(3, node.outputs[0] ?? "").text(4, node.type);
  for (const [name, value] of Object.entries(node.attributes ?? {}))
    out.message(5, (message) => writeAttribute(message, name, value));
  if (node.domain) out.text(7, node.domain);
}

function writeAttribute(out: ProtobufWriter, name: string, value: OnnxAttribute): void {
  out.text(1, name);
  if (typeof value === "number") out.integer(3, value).integer(20, 2);
  else if (typeof value === "string") out.text(4, value).integer(20, 3);
  else if ("graph" in value) out.message(6, (graph) => writeGraph(graph, value.graph)).integer(20, 5);
  else if ("float" in value) out.float(2, value.float).integer(20, 1);
  else if (typeof value[0] === "string") {
    for (const item of value) out.text(9, item as string);
    out.integer(20, 8);
  } else {
    for (const item of value) out.integer(8, item as number);
    out.integer(20, 7);
  }
}

function writeInitializer(out: ProtobufWriter, initializer: OnnxInitializer, locate: (file: string) => string): void {
  const { dtype, shape } = "tensor" in initializer ? initializer.tensor : initializer.external;
  for (const size of shape) out.integer(1, size);
  out.integer(2, onnxTypes[dtype]).text(8, initializer.name);
  if ("tensor" in initializer) {
    const { buffer, byteOffset, byteLength: length } = initializer.tensor.data;
    out.bytes(9, new Uint8Array(buffer, byteOffset, length));
    return;
  }
  const { file, offset } = initializer.external;
  const entries = {
    location: locate(file),
    offset: String(offset),
    length: String(byteLength(dtype, elementCount(shape))),
  };
  for (const [key, value] of Object.entries(entries)) out.message(13, (entry) => entry.text(1, key).text(2, value));
  out.integer(14, 1);
}

function writeInfo(out: ProtobufWriter, { name, dtype, shape }: OnnxValueInfo): void {
  out.text(1, name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.integer(1, onnxTypes[dtype]).message(2, (dimensions) => {
        for (const size of shape)
          dimensions.message(1, (d) => (typeof size === "number" ? d.integer(1, size) : d.text(2, size)));
      }),
    ),
  );
}
