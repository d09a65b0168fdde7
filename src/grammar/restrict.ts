import { LecternError } from "../common/index.ts";
import { Budget } from "./budget.ts";
import { accepts, combine, type Dfa, isEmpty } from "./dfa.ts";
import type { Grammar, Lexer } from "./grammar.ts";
import { Nfa } from "./nfa.ts";
import { prune } from "./prune.ts";
import { ALL_STRINGS, StringAutomata } from "./string-sets.ts";
import { type CodePoints, holds, utf8Sequences } from "./utf8.ts";

/**
 * A grammar without the texts that a vocabulary cannot spell.
 *
 * @param alphabet the characters that it spells one by one
 * @throws LecternError `input` where no text is left
 */
export function restrictGrammar(grammar: Grammar, alphabet: CodePoints): Grammar {
  const budget = new Budget();
  const nfa = new Nfa(utf8Sequences, budget);
  const start = nfa.add();
  nfa.link(nfa.character(start, alphabet), start);
  const spelled = nfa.toDfa(start, start);
  const strings = new StringAutomata(budget);
  const lexers = grammar.lexers.map((lexer) => restricted(lexer, spelled, strings, budget));
  const marks = [...'{}[],:"'].filter((mark) => !holds(alphabet, mark.charCodeAt(0)));
  const canRead = (number: number): boolean => {
    const lexer = lexers[number] as Lexer;
    return lexer.kind === "literal" ? accepts(spelled, lexer.bytes) : lexer.kind === "string" || !isEmpty(lexer.dfa);
  };
  const usable = grammar.nodes.map((alternatives) =>
    alternatives.filter((one) => one.kind === "lexer" || marks.length === 0),
  );
  const left = prune({ ...grammar, lexers, nodes: usable }, budget, canRead);
  if (left) return left;
  const lacking = marks.length > 0 ? marks.join(" ") : "characters that must be written";
  throw new LecternError("input", `structured output: the model's vocabulary has no tokens that spell ${lacking}`);
}

function restricted(lexer: Lexer, spelled: Dfa, strings: StringAutomata, budget: Budget): Lexer {
  if (lexer.kind === "literal") return lexer;
  const dfa = lexer.kind === "dfa" ? lexer.dfa : strings.of({ ...ALL_STRINGS, least: lexer.least, most: lexer.most });
  return { kind: "dfa", dfa: combine(dfa, spelled, "both", budget) };
}
