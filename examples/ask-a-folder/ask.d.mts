import type { FoundPassage } from "lectern/retrieval";

export function ask(
  folder: string,
  question: string,
  options: {
    readonly baseURL: string;
    readonly apiKey: string;
    readonly model: string;
    readonly maxOutputTokens?: number;
    readonly topK?: number;
    readonly file?: string;
    readonly onText?: (piece: string) => void;
  },
): Promise<{ readonly answer: string | undefined; readonly passages: readonly FoundPassage[] }>;
