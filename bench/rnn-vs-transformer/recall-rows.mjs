/**
 * Two tests of memory. `recall`: a key, its value, N tokens of noise, the key again. `pairs`: a key, its value, N other
 * keys with their values, the key again. Only the value behind the second key is predicted.
 */

/** Rows have so many tokens. */
export const LENGTH = 128;
const IGNORED = -100;

/** A whole number from 0 to `most`; as likely between 8 and 16 as between 16 and 32. */
const drawDistance = (random, most) =>
  Math.min(most, Math.floor((most + 1) ** random.next()) - 1 + (random.next() < 0.5 ? 0 : 1));

/** Cuts a chain of tokens to a row; `counted` are the places of the tokens that are predicted. */
function cut(ids, counted) {
  const targets = ids.map((_, t) => (counted.has(t + 1) ? ids[t + 1] : IGNORED));
  return { ids: ids.slice(0, LENGTH), targets: targets.slice(0, LENGTH) };
}

function recall() {
  const [keys, values, noise] = [16, 16, 32];
  /** Noise that is learned from is no longer. */
  const most = 64;
  const question = (random, distance) => {
    const [key, value] = [random.nextInt(keys), keys + random.nextInt(values)];
    const between = Array.from({ length: distance }, () => keys + values + random.nextInt(noise));
    return [key, value, ...between, key, value];
  };
  return {
    vocabulary: keys + values + noise,
    most,
    distances: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256],
    question,
    /** A chain of questions. */
    row(random) {
      const ids = [];
      const counted = new Set();
      while (ids.length <= LENGTH) {
        ids.push(...question(random, drawDistance(random, most)));
        counted.add(ids.length - 1);
      }
      return cut(ids, counted);
    },
  };
}

function pairs() {
  const [keys, valueCount] = [64, 16];
  const draw = (random) => ({
    order: random.shuffle(Array.from({ length: keys }, (_, i) => i)),
    values: Array.from({ length: keys }, () => keys + random.nextInt(valueCount)),
  });
  return {
    vocabulary: keys + valueCount,
    distances: [0, 1, 2, 4, 8, 16, 32],
    question(random, distance) {
      const { order, values } = draw(random);
      const asked = [...order.slice(0, distance + 1), order[0]];
      return asked.flatMap((key) => [key, values[key]]);
    },
    /** Pairs, of which half repeat one from 1 to 32 pairs ago. */
    row(random) {
      const { order, values } = draw(random);
      const chain = [order.pop()];
      const ids = [chain[0], values[chain[0]]];
      const counted = new Set();
      while (ids.length <= LENGTH) {
        const isOld = order.length === 0 || random.next() < 0.5;
        const key = isOld ? chain.at(-1 - Math.min(chain.length - 1, drawDistance(random, 31))) : order.pop();
        chain.push(key);
        ids.push(key, values[key]);
        if (isOld) counted.add(ids.length - 1);
      }
      return cut(ids, counted);
    },
  };
}

/** The tests by name. */
export const tests = { recall: recall(), pairs: pairs() };
