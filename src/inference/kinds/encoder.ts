import type { ArchitectureOf } from "../../families/index.ts";
import { ModelContext, positionsOfRows, positionsOfTexts, tokenMask } from "../../nn/index.ts";
import { headLoss } from "../loss.ts";
import type { ForwardRuntime, ModelRuntime } from "./runtime.ts";
import { transformerForward } from "./shared.ts";

type EncoderArchitecture = ArchitectureOf<"encoder">;

/** Encoders: tokens see each other in both directions, and nothing is generated. */
export function encoderRuntime(architecture: EncoderArchitecture): ModelRuntime {
  const { config } = architecture;
  return {
    head: config.head,
    isEncoderDecoder: false,
    forward: forwardOf(architecture),
    generation: undefined,
    tables: {
      isShared: () => config.tieWordEmbeddings && config.head.kind === "lm",
      prefersOwnHead: false,
      ignoresCopies: true,
    },
    adapters: {
      areSupported: true,
      leavesOutPrefix: config.head.kind === "none",
      headRemedy:
        "open the adapter's directory itself as the model, with task_type SEQ_CLS, TOKEN_CLS or QUESTION_ANS in its adapter_config.json",
    },
  };
}

function forwardOf({ family, config }: EncoderArchitecture): ForwardRuntime {
  return {
    ...transformerForward,
    graph({ batch, queries, dropout = false, headMask = false, hasGlobalTokens }, root) {
      const context = new ModelContext({
        batch,
        queries,
        numLayers: config.numHiddenLayers,
        logits: "all",
        direction: config.isCausal ? "causal" : "both",
        dropout,
        headMask,
        hasGlobalTokens,
      });
      const heads = family.model(root, config, context);
      const { hiddenStates, attentions, dropoutMasks } = context;
      const loss = headLoss(config.head, heads, () => tokenMask(context));
      return {
        heads,
        hiddenStates: { hidden_states: hiddenStates },
        attentions: { attentions },
        loss,
        derived: [...context.derived.values()],
        leaving: context.leaving,
        dropoutMasks,
      };
    },
    positions: (mask, texts) => (texts ? positionsOfTexts(texts) : positionsOfRows(mask)),
    takesTexts: true,
    prepacks: true,
  };
}
