/** The request to the Hub that a name stands for. */
export interface HubId {
  /** `owner/name` */
  readonly repository: string;
  readonly revision?: string;
  /** One file of the repository: `owner/name/folder/file.gguf`. */
  readonly file?: string;
  /** `owner/name:Q4_0`: the GGUF file of this quantization. */
  readonly quantization?: string;
}

const FORM = /^([\w.-]+\/[\w.-]+)(?:\/([^@:\\]+\.\w+))?(?:@([^@:\\]+))?(?::([\w.-]+))?$/;

/** The longest `owner/name` that the hub gives out. */
const LONGEST = 96;

/**
 * Reads `owner/name`, `owner/name@revision`, `owner/name/file.gguf` or `owner/name:Q4_0`; undefined for what cannot be
 * a Hub id.
 */
export function parseHubId(text: string): HubId | undefined {
  const [, repository, file, revision, quantization] = FORM.exec(text) ?? [];
  if (repository === undefined || !isRepository(repository)) return undefined;
  if (file !== undefined && (quantization !== undefined || !isInside(file))) return undefined;
  if (revision !== undefined && !isInside(revision)) return undefined;
  return {
    repository,
    ...(revision !== undefined && { revision }),
    ...(file !== undefined && { file }),
    ...(quantization !== undefined && { quantization }),
  };
}

function isRepository(text: string): boolean {
  return (
    text.length <= LONGEST &&
    !/--|\.\./.test(text) &&
    !text.endsWith(".git") &&
    text.split("/").every((part) => /^\w(.*\w)?$/.test(part))
  );
}

/** True if a path in a repository of the Hub stays below the folder it is put into. */
export function isInside(path: string): boolean {
  return !/[\\:\0]/.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
