export type { Partials } from "../templates/index.ts";
export { type EncodedPrompt, encodePrompt, type PartTokens } from "./budget.ts";
export { type CheckOptions, checkPrompt, type Finding, specialTokenFindings } from "./check-prompt.ts";
export {
  type Budget,
  type BuildOptions,
  type BuiltPrompt,
  buildPrompt,
  type DroppedExample,
  type Order,
  orders,
} from "./few-shot.ts";
export {
  type AnyPrompt,
  definePrompt,
  Prompt,
  type PromptDefinition,
  type PromptPart,
  type RenderedPrompt,
  type TemplateName,
} from "./prompt.ts";
export { parsePrompt } from "./prompt-file.ts";
export { type Candidates, type Embed, rankExamples, type Selection, selections, shuffled } from "./selection.ts";
export type {
  Values,
  ValuesOf,
  Variable,
  VariableSettings,
  Variables,
  VariableType,
} from "./variables.ts";
