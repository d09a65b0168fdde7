/** The licence that the front matter of a README.md names; undefined where it names none. */
export function licenceOf(readme: string): string | undefined {
  const [, front] = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(readme) ?? [];
  if (front === undefined) return undefined;
  const field = (name: string): string | undefined => {
    const [, inline, list] =
      new RegExp(`^${name}:[ \\t]*(\\S[^\\r\\n]*)?((?:\\r?\\n[ \\t]*- [^\\r\\n]*)*)`, "m").exec(front) ?? [];
    const items = [...(list ?? "").matchAll(/- ([^\r\n]*)/g)].map(([, item]) => item as string);
    const values = inline === undefined ? items : inline.replace(/^\[(.*)\]$/, "$1").split(",");
    const plain = values.map((value) =>
      value
        .replace(/\s#.*$/, "")
        .trim()
        .replace(/^(["'])(.*)\1$/, "$2"),
    );
    return plain.filter(Boolean).join(", ") || undefined;
  };
  const licence = field("license");
  return licence === "other" ? (field("license_name") ?? licence) : licence;
}
