/** Whose turn it is: sides alternate, and a peer keeps the numbers of threads that are best at something. */

/** Peers whose number of threads is chosen by measuring. */
const THREADED = new Set(["node-llama-cpp", "transformers.js", "pytorch", "ctranslate2"]);

/** The ways to run the sides of a case: a peer with one thread, and with one for each core. */
export function variantsOf(sides, cores) {
  return sides.flatMap(([name, side]) =>
    THREADED.has(side.engine)
      ? [...new Set([1, cores])].map((threads) => ({ key: `${name} ×${threads}`, name, side, threads }))
      : [{ key: name, name, side, threads: undefined }],
  );
}

/** The variants of a side that are best in one of the figures which a first measurement gave. */
function kept(variants, probe) {
  return variants.filter((own) => {
    const rivals = variants.filter(({ name }) => name === own.name);
    const figures = Object.keys(probe[own.key] ?? {}).filter((figure) => figure !== "peakMB");
    return figures.some((figure) => rivals.every(({ key }) => (probe[key]?.[figure] ?? 0) <= probe[own.key][figure]));
  });
}

/** The variant that is measured next: each once to warm up, then those that are kept, round after round; else none. */
export function nextTurn({ probe, samples }, variants, rounds) {
  const unseen = variants.find(({ key }) => probe[key] === undefined);
  if (unseen) return { ...unseen, isProbe: true };
  const left = kept(variants, probe);
  const count = ({ key }) => samples[key]?.length ?? 0;
  const round = Math.min(...left.map(count));
  if (round >= rounds) return undefined;
  const turns = [...left.slice(round % left.length), ...left.slice(0, round % left.length)];
  return { ...turns.find((variant) => count(variant) === round), isProbe: false };
}
