import { readFileSync } from "node:fs";
import { defineConfig } from "vitepress";

const navigation = JSON.parse(readFileSync(new URL("../navigation.json", import.meta.url), "utf8"));

const MODULE = 2;
const isModule = ({ kind }) => kind === MODULE;

/** An entry of the reference's sidebar: a module, a kind of exports, or one export. */
const entry = ({ title, path, children }) => ({
  text: title,
  ...(path && { link: `/reference/${path}` }),
  ...(children && { collapsed: true, items: children.filter((child) => !isModule(child)).map(entry) }),
});

/** `lectern` and its subpaths, side by side. */
const modules = navigation.flatMap((main) => [
  entry(main),
  ...main.children.filter(isModule).map((sub) => ({ ...entry(sub), text: `${main.title}/${sub.title}` })),
]);

const page = (text, link) => ({ text, link });

const pages = [
  {
    text: "Start",
    items: [page("Overview", "/"), page("Install", "/install"), page("Choosing a model", "/guides/choosing-a-model")],
  },
  {
    text: "Guides",
    items: [
      page("All guides", "/guides"),
      page("Course", "/course"),
      page("강의 (한국어)", "/course.ko"),
      page("Node server", "/guides/node-server"),
      page("Next.js", "/guides/nextjs"),
      page("Browser", "/guides/browser"),
      page("Chat", "/guides/chat"),
      page("Embeddings and search", "/guides/embeddings-and-search"),
      page("Fine-tune a classifier", "/guides/fine-tune-a-classifier"),
      page("Troubleshooting", "/guides/troubleshooting"),
    ],
  },
  {
    text: "Use",
    items: [
      page("Pipelines", "/pipelines"),
      page("Prompts", "/prompting"),
      page("Generation options", "/generation"),
      page("Structured output", "/structured-output"),
      page("Training", "/training"),
      page("Evaluation", "/evaluation"),
      page("From idea to launch", "/lifecycle"),
      page("Tokenizers", "/tokenizers"),
      page("Hugging Face Hub", "/hub"),
      page("GGUF", "/gguf"),
      page("Quantized checkpoints", "/quantization"),
      page("ONNX and Transformers.js", "/export"),
      page("Server", "/server"),
      page("Batches", "/batch"),
      page("Scaling", "/scaling"),
      page("Security of the server", "/security"),
      page("Questions about a folder", "/retrieval"),
      page("Feedback", "/feedback"),
      page("Deploy", "/deploy"),
      page("Studio", "/studio"),
      page("Command line", "/cli"),
    ],
  },
  {
    text: "Background",
    items: [
      page("Supported models", "/models"),
      page("Architecture", "/architecture"),
      page("Performance", "/performance"),
      page("Where the time goes", "/performance-profile"),
      page("In-context learning", "/in-context-learning"),
      page("RNN and transformer", "/rnn-vs-transformer"),
      page("Changes", "/changelog"),
      page("Release", "/release"),
    ],
  },
];

const icon =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M1 4h14l-2 5H3zM7 9h2v6H7z' fill='%233451b2'/></svg>";

export default defineConfig({
  title: "Lectern",
  description: "Transformers in TypeScript: run, fine-tune, train and inspect language models.",
  outDir: "../dist",
  head: [["link", { rel: "icon", href: icon }]],
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [page("Guides", "/guides/node-server"), page("Command line", "/cli"), page("API reference", "/reference/")],
    sidebar: {
      "/reference/": [{ text: "API reference", link: "/reference/", items: modules }],
      "/": [...pages, { text: "API reference", items: modules.map(({ text, link }) => page(text, link)) }],
    },
    socialLinks: [{ icon: "github", link: "https://github.com/lectern/lectern" }],
  },
});
