export function syntheticTokenizer(vocabularySize: number): object;
