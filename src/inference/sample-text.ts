/** A text that models are measured on where none is given: plain English prose, written for this. */
export const SAMPLE_TEXT = `
The ferry left the island at seven in the morning and came back at six in the evening, and in between the island belonged to
itself. Marta had kept the lighthouse shop for eleven years. She sold rope, lamp oil, dried fish and, in summer, postcards of a
place that looked almost like the one outside her window, only bluer. On the first Monday of October a boy of nine walked in, put
a wet paper bag on the counter and asked if she could mend a bird.

"That depends on the bird," said Marta. She opened the bag. Inside sat a young gull with one wing held away from its body, looking
at her as if she were the one who needed mending. She fetched a towel, wrapped the bird so that only its head showed, and felt
along the wing with two fingers. Nothing was broken. The joint was swollen, that was all, and the bird was very thin.

"It needs fish and a quiet box," she said. "And you need dry socks. What is your name?"

"Jonas. We moved into the yellow house. My mother is going to count the seals."

For three weeks the gull lived behind the stove. Jonas came every day after school with a herring in newspaper, and while the bird
ate he told Marta what he had learned: that the moon pulls the sea, that a triangle cannot be pushed out of shape although a
square can, that in some countries people drive on the other side of the road and nobody minds. Marta told him in return which
clouds bring wind, how to splice a rope so that the join is stronger than the rest, and why the lamp in the tower turns although
nobody stands beside it any more. When the first storm came, the gull walked out of its box, looked at the rain for a while, and
walked back in again.

On a still, bright morning in November they carried it up to the rocks. Jonas held the towel and Marta lifted the corner. The gull
stepped out, shook itself, and did nothing at all. Then a gust came over the edge of the cliff, the bird opened both wings as if
it had only now remembered them, and the wind took it straight up. It turned once over the tower and went out across the water.

"It did not say goodbye," said Jonas.

"They never do," said Marta. "But they tend to come back when somebody is frying fish."

A lighthouse lens does something simple in a clever way. A lamp by itself sends its light in every direction, so that at a distance
of a few miles very little of it reaches the eye of a sailor. A large curved piece of glass would gather the light into a beam, but
glass of that thickness is heavy, and it swallows part of what passes through it. In 1822 the French engineer Augustin Fresnel
noticed that only the surface of a lens bends the light; the glass between the surfaces merely carries it. He therefore cut the
lens into rings, each with the slope that the thick lens would have at that place, and left out everything behind them. The result
looks like a beehive made of prisms. It weighs a fraction of what a solid lens would weigh, and a lamp no brighter than a car's
headlight can be seen from more than twenty miles away. If the whole apparatus turns, the beam sweeps round the horizon, and
the time between two flashes tells a navigator which lighthouse it is. Every tower on a coast has its own rhythm, listed in a
book that ships have carried for more than a century.

Today satellites tell a ship where it is to within a few metres, and many towers have been switched off. Those that still burn are
kept for small boats, for the day when the electronics fail, and perhaps also because people like to see them. The reasons are
not equally good, but they point the same way, and the light goes on.
`.trim();
