/** The character that stands for each byte in byte-level vocabularies: printable Latin-1 as it is, others from U+0100. */
export const characterOfByte: readonly string[] = (() => {
  let shifted = 256;
  const isPrintable = (byte: number): boolean =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : shifted++));
})();
