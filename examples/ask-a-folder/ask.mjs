/**
 * Answers a question from a folder of text files: `lectern/retrieval` finds passages, and a model behind `lectern serve` answers
 * through the Vercel AI SDK.
 *
 *     npx lectern serve chat=path/to/model
 *     node ask.mjs path/to/folder "How long must an API key be?" --model chat
 */
import { parseArgs } from "node:util";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import { indexFolder, openIndex } from "lectern/retrieval";

const INSTRUCTION =
  "Answer the question from the passages alone, in one or two sentences. After each statement, name the passage that it comes from by its number, such as [1]. If no passage holds the answer, write: not found";

/**
 * @param folder the folder of text files; its index is brought up to date first
 * @param onText called with pieces of the answer as they come
 * @returns the answer, undefined where no passage is near, with the passages that the model read
 */
export async function ask(folder, question, { baseURL, apiKey, model, maxOutputTokens = 200, topK = 3, file, onText }) {
  const { path } = await indexFolder(folder, { file });
  const index = await openIndex(path);
  const { passages } = await index.search(question, { topK });
  if (passages.length === 0) return { answer: undefined, passages };
  const lectern = createOpenAICompatible({ name: "lectern", baseURL, apiKey, includeUsage: true });
  const given = passages.map(({ file, from, to, text }, i) => `[${i + 1}] ${file}, lines ${from} to ${to}:\n${text}`);
  let failure;
  const { textStream } = streamText({
    model: lectern(model),
    system: INSTRUCTION,
    prompt: `${given.join("\n\n")}\n\nQuestion: ${question}`,
    maxOutputTokens,
    onError: ({ error }) => {
      failure = error;
    },
  });
  let answer = "";
  for await (const piece of textStream) {
    answer += piece;
    onText?.(piece);
  }
  if (failure) throw failure;
  return { answer, passages };
}

if (import.meta.filename === process.argv[1]) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: "string", default: "chat" },
      url: { type: "string", default: process.env.OPENAI_BASE_URL ?? "http://127.0.0.1:8080/v1" },
    },
  });
  const [folder, question] = positionals;
  if (!folder || !question) throw new Error('usage: node ask.mjs FOLDER "QUESTION" [--model NAME] [--url URL]');
  const { answer, passages } = await ask(folder, question, {
    baseURL: values.url,
    apiKey: process.env.OPENAI_API_KEY ?? "none",
    model: values.model,
    onText: (piece) => process.stdout.write(piece),
  });
  if (answer === undefined) console.log("not found: no passage is near the question");
  else for (const [i, { file, from, to }] of passages.entries()) console.log(`\n[${i + 1}] ${file}:${from}-${to}`);
}
