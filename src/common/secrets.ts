/** The replacement of a secret. */
const HIDDEN = "***";
/** A shorter one is found in words that are none. */
const SHORTEST = 6;

const secrets = new Set<string>();

/** Has a secret, such as a token, hidden in every message from now on, as a whole and line by line. */
export function keepSecret(secret: string | undefined): void {
  for (const part of [secret ?? "", ...(secret ?? "").split(/\s+/)]) if (part.length >= SHORTEST) secrets.add(part);
}

/** A text in which secrets are hidden: those that are kept, tokens of the Hub, passwords in addresses, signed queries. */
export function redact(text: string): string {
  let plain = text;
  for (const secret of secrets) {
    plain = plain.replaceAll(secret, HIDDEN);
    plain = plain.replaceAll(encodeURIComponent(secret), HIDDEN);
    plain = plain.replaceAll(JSON.stringify(secret).slice(1, -1), HIDDEN);
  }
  return plain
    .replace(/\bhf_[A-Za-z0-9]{20,}/g, HIDDEN)
    .replace(/\b(Bearer|Basic)\s+[^\s"']+/gi, `$1 ${HIDDEN}`)
    .replace(/(\b[a-z][a-z\d+.-]*:\/\/)[^\s/?#"']*@/gi, `$1${HIDDEN}@`)
    .replace(/(\bhttps?:\/\/[^\s?"']+\?)[^\s"']*(?:sign|token|key|policy|password|secret)[^\s"']*/gi, `$1${HIDDEN}`);
}

/** An error in whose texts, and those of its causes, secrets are hidden; the same one where there are none. */
export function redactCause(cause: unknown): unknown {
  if (typeof cause === "string") return redact(cause);
  if (!(cause instanceof Error)) return cause;
  const inner = redactCause(cause.cause);
  const [message, stack] = [redact(cause.message), redact(cause.stack ?? "")];
  if (message === cause.message && stack === (cause.stack ?? "") && inner === cause.cause) return cause;
  const copy = new Error(message, inner === undefined ? {} : { cause: inner });
  const { code } = cause as { code?: unknown };
  return Object.assign(copy, { name: cause.name, stack, ...(code !== undefined && { code }) });
}
