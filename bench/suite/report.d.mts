/** Figures of one side, measured once. */
export type Metrics = Readonly<Record<string, number>>;

/** The measurements of a case: the first of each variant, then those that count. */
export interface CaseResults {
  readonly probe: Readonly<Record<string, Metrics>>;
  readonly samples: Readonly<Record<string, readonly Metrics[]>>;
}

/** The results of a machine. */
export interface Results {
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly flags: readonly string[];
    readonly memoryGB: number;
    readonly platform: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly date: string;
  readonly cases: Readonly<Record<string, CaseResults>>;
}

/** A figure of the results. */
export interface MeasuredRow {
  readonly title: string;
  readonly value: number;
  readonly spread: readonly [number, number];
  readonly rounds: number;
}

export function rowsOf(results: Results): readonly MeasuredRow[];
export function rowLines(results: Results): readonly string[];
export function performancePage(all: readonly (readonly [string, Results])[]): string;
export function chart(results: Results): string;
export function readResults(folder: string): Promise<readonly (readonly [string, Results])[]>;
