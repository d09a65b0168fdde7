export declare function npm(args: readonly string[], cwd: string): string;
export declare function packedFiles(): string[];
export declare function packWhole(platform: string, destination: string): string;
export declare function packForRegistry(destination: string): string;
export declare function packEngine(platform: string, destination: string): string;
