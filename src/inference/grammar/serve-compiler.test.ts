import { MessageChannel, type MessagePort } from "node:worker_threads";
import { expect, test } from "vitest";
import type { Grammar } from "../../grammar/index.ts";
import { Channel, type Port } from "../../runtime/index.ts";
import { compileSource, type GrammarSource } from "./grammar-source.ts";
import { serveCompiler } from "./serve-compiler.ts";

function portOf(port: MessagePort): Port {
  return {
    send: (message, transfer = []) => port.postMessage(message, transfer),
    receive: (handler) => port.on("message", handler),
  };
}

test("a worker compiles schemas that share automata, one after another", async () => {
  const { port1, port2 } = new MessageChannel();
  serveCompiler(portOf(port2));
  const channel = new Channel(portOf(port1));
  for (const key of ["a", "b", "a"]) {
    const text = JSON.stringify({
      type: "object",
      properties: { [key]: { type: "integer" }, at: { format: "email" } },
    });
    const source: GrammarSource = { option: "schema", text, ignoresCase: false };
    expect(await channel.call<Grammar>("compile", source)).toEqual(compileSource(source));
  }
  port1.close();
});
