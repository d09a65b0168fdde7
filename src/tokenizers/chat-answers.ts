/** Part of a text, in UTF-16 units. */
export type TextRange = readonly [from: number, to: number];

/** A conversation as text, and where in it the template says that the assistant speaks. */
export interface MarkedChat {
  readonly text: string;
  readonly answers: readonly TextRange[];
}

/** Of Unicode's private use area, so that texts hardly ever hold them. */
const [BEGIN, END] = ["\uF5A1", "\uF5A2"];

/** What transformers knows beside Jinja: the assistant speaks between the two tags. */
const BLOCK = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;

export function marksAnswers(template: string): boolean {
  return template.search(BLOCK) >= 0;
}

/** The engine has no such tag, which changes no text: a condition stands in its place. */
export function withoutMarks(template: string): string {
  return template.replace(BLOCK, (_, left, end, right) =>
    end ? `{%${left} endif ${right}%}` : `{%${left} if true ${right}%}`,
  );
}

/** A template that writes a mark where the assistant begins and ends; spaces around the tags go as they did. */
export function withMarks(template: string): string {
  return template.replace(BLOCK, (_, left, end, right) =>
    end ? `{%${left} endif %}${END}{% endif ${right}%}` : `{%${left} if true %}${BEGIN}{% if true ${right}%}`,
  );
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
