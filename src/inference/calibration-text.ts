/**
 * Passages that a model reads before its matrices are rounded, so that errors count where its inputs are large: prose, a
 * dialogue, code, data and a few languages, written for this. None of them is in the text that perplexity is measured on.
 */
export const CALIBRATION_PASSAGES = [
  `The night train from the coast was late again, and nobody on the platform seemed to mind. A woman in a green coat was
reading the last pages of a novel under the only lamp that worked. Two students had opened a chess board on a suitcase and were
playing very slowly, as if the game had to last until the train came. When it finally rolled in, grey with dust, the conductor
leaned out of the first door and apologised for the goats. There had been goats on the line, he said, eleven of them, and a boy
who could count only to ten. The woman closed her book, laughed for the first time that evening, and gave the students her seat
by the window, because she had decided to walk home along the river after all.`,
  `Bread rises because yeast eats sugar and breathes out carbon dioxide, and because the dough is elastic enough to hold the gas.
The elasticity comes from gluten, a network of proteins that forms when flour meets water and is kneaded. Warm dough rises
quickly and tastes mild; cold dough needs a night and tastes of more. Too much salt slows the yeast, too little leaves the crumb
weak. In the oven the gas expands, the starch sets at about 70 °C, and the crust browns above 140 °C in what chemists call the
Maillard reaction. A loaf is done when it sounds hollow if it is tapped from below, or when its centre has reached 96 °C.`,
  `User: My bicycle makes a clicking noise each time the left pedal is at the top. What could it be?
Assistant: Three things are likely. First, the pedal itself: take it off, grease the thread and put it back firmly. Second, the
crank: tighten its bolt. Third, the bottom bracket, if the noise stays when you pedal with the right foot alone.
User: It is gone after the first step. Thank you!
Assistant: Good. Check it again after a week, since a dry thread tends to come loose once more.
User: How tight should it be?
Assistant: About 35 newton metres. Without a torque wrench: as tight as you can turn it with one hand on an ordinary spanner.`,
  `def moving_average(values, size):
    """Return the means of all windows of a given size."""
    if size < 1 or size > len(values):
        raise ValueError(f"size must be from 1 to {len(values)}, got {size}")
    total = sum(values[:size])
    means = [total / size]
    for old, new in zip(values, values[size:]):
        total += new - old
        means.append(total / size)
    return means


if __name__ == "__main__":
    print(moving_average([3, 1, 4, 1, 5, 9, 2, 6], 4))  # [2.25, 2.75, 4.75, 4.25, 5.5]`,
  `export async function readLines(path: string, limit = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (lines.length >= limit) break;
    if (line.trim() !== "") lines.push(line);
  }
  return lines;
}
/* SELECT name, COUNT(*) AS visits FROM guests WHERE year = 2024 GROUP BY name HAVING COUNT(*) > 3 ORDER BY visits DESC; */`,
  `{"order": 4711, "customer": {"name": "A. Lindqvist", "city": "Uppsala"}, "items": [{"sku": "LMP-3", "count": 2, "price": 39.9},
{"sku": "CBL-1", "count": 1, "price": 7.5}], "paid": true, "note": null, "shipped": "2023-11-06T09:30:00Z"}
| month | rain (mm) | sunshine (h) |
| --- | ---: | ---: |
| March | 41 | 128 |
| April | 57 | 171 |
| May | 63 | 214 |`,
  `Question: A cistern holds 840 litres. One pipe fills it in 6 hours, another empties it in 10. How long does it take to fill the
empty cistern if both are open?
Answer: The first pipe brings 840 / 6 = 140 litres an hour, the second takes 840 / 10 = 84. Together the cistern gains
140 − 84 = 56 litres an hour, and 840 / 56 = 15. It takes 15 hours.
Question: What is the derivative of f(x) = x² · e^x?
Answer: By the product rule, f'(x) = 2x · e^x + x² · e^x = (x² + 2x) · e^x.`,
  `1. The council met on Tuesday and approved the new bridge by nine votes to four.
2. Scientists at two universities report that bees remember the colour of a flower for at least three days.
3. Shares of the shipping company fell by 6.2 per cent after it lowered its forecast for the year.
4. The final was decided on penalties; the goalkeeper, who is nineteen, saved two of them.
5. "I never expected the letter to arrive," said Mrs Okafor, "but there it was, forty years late, with the stamp still on it."`,
  `Der alte Garten hinter dem Bahnhof gehört seit Jahren niemandem mehr. Im Sommer wachsen dort Himbeeren über den Zaun, und die
Kinder aus der Straße wissen genau, an welcher Stelle man hindurchschlüpfen kann.
Le marché ouvre à sept heures. À dix heures, il ne reste plus de fraises, et le vendeur de fromage raconte déjà la même histoire
pour la troisième fois.
La biblioteca cierra los lunes, pero la bibliotecaria vive enfrente y presta libros desde su ventana.
Il treno per Bologna parte dal binario quattro tra venti minuti.`,
  `어제는 하루 종일 비가 내렸지만 오늘 아침에는 하늘이 맑게 개었다. 할머니는 마당에 고추를 널어 놓고 고양이가 그 위에 눕지 못하게 지켜보셨다.
图书馆旁边新开了一家小面馆，老板每天早上五点起来和面。下雨天客人少，他就坐在门口看书。
駅前の時計は五分進んでいるので、この町の人はみんな少し早く来る。
На кухне пахло яблоками и корицей, а за окном медленно падал первый снег.
في الصباح الباكر يفتح الصياد شباكه ويعد السمكات واحدة واحدة.`,
];
