/** Part of a text, in UTF-16 units. */
export type TextRange = readonly [from: number, to: number];

/** A conversation as text, and the parts of it that the template says the assistant wrote. */
export interface MarkedChat {
  /** The conversation as text. */
  readonly text: string;
  /** The parts that the assistant wrote. */
  readonly answers: readonly TextRange[];
}

const [BEGIN, END] = ["\uF5A1", "\uF5A2"];

/** The marks of a template around an answer: of Unicode's private use area, so that texts hardly ever hold them. */
export const MARKS = [BEGIN, END] as const;

/** True if a template marks answers, as transformers' `{% generation %}` does. */
export function marksAnswers(template: string): boolean {
  return /\{%[-+]?\s*generation\s*[-+]?%\}/.test(template);
}

/** A marked text without its marks, and what stood between them. */
export function readMarks(marked: string): MarkedChat {
  let text = "";
  let from = 0;
  const answers: TextRange[] = [];
  for (const piece of marked.split(/([\uF5A1\uF5A2])/)) {
    if (piece === BEGIN) from = text.length;
    else if (piece === END) answers.push([from, text.length]);
    else text += piece;
  }
  return { text, answers };
}
