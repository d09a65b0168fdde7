/** Writes the studio and the bundled models as plain files; returns the models' names. */
export function writeSite(folder: string): string[];
