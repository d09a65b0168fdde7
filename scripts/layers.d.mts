export declare const LAYERS: readonly (readonly string[])[];
export declare function violations(path: string, text: string): string[];
export declare function cycles(texts: ReadonlyMap<string, string>): string[];
