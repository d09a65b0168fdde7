import type { Cutter } from "./split.ts";

/** Scripts of which neighbours are kept apart; kana counts as Han, and what all scripts share joins either side. */
const SCRIPTS = [
  "Adlam,Ahom,Anatolian_Hieroglyphs,Arabic,Armenian,Avestan,Balinese,Bamum,Bassa_Vah,Batak,Bengali,Bhaiksuki,Bopomofo",
  "Brahmi,Braille,Buginese,Buhid,Canadian_Aboriginal,Carian,Caucasian_Albanian,Chakma,Cham,Cherokee,Common,Coptic",
  "Cuneiform,Cypriot,Cyrillic,Deseret,Devanagari,Duployan,Egyptian_Hieroglyphs,Elbasan,Ethiopic,Georgian,Glagolitic",
  "Gothic,Grantha,Greek,Gujarati,Gurmukhi,Han,Hangul,Hanunoo,Hatran,Hebrew,Hiragana,Imperial_Aramaic,Inherited",
  "Inscriptional_Pahlavi,Inscriptional_Parthian,Javanese,Kaithi,Kannada,Katakana,Kayah_Li,Kharoshthi,Khmer,Khojki",
  "Khudawadi,Lao,Latin,Lepcha,Limbu,Linear_A,Linear_B,Lisu,Lycian,Lydian,Mahajani,Malayalam,Mandaic,Manichaean",
  "Marchen,Meetei_Mayek,Mende_Kikakui,Meroitic_Cursive,Meroitic_Hieroglyphs,Miao,Modi,Mongolian,Mro,Multani,Myanmar",
  "Nabataean,New_Tai_Lue,Newa,Nko,Ogham,Ol_Chiki,Old_Hungarian,Old_Italic,Old_North_Arabian,Old_Permic,Old_Persian",
  "Old_South_Arabian,Old_Turkic,Oriya,Osage,Osmanya,Pahawh_Hmong,Palmyrene,Pau_Cin_Hau,Phags_Pa,Phoenician",
  "Psalter_Pahlavi,Rejang,Runic,Samaritan,Saurashtra,Sharada,Shavian,Siddham,SignWriting,Sinhala,Sora_Sompeng",
  "Sundanese,Syloti_Nagri,Syriac,Tagalog,Tagbanwa,Tai_Le,Tai_Tham,Tai_Viet,Takri,Tamil,Tangut,Telugu,Thaana,Thai",
  "Tibetan,Tifinagh,Tirhuta,Ugaritic,Vai,Warang_Citi,Yi",
].flatMap((line) => line.split(","));

const patterns = SCRIPTS.map((script) => [script, new RegExp(`\\p{Script=${script}}`, "u")] as const);
const known = new Map<string, string>();

function scriptOf(character: string): string {
  const cached = known.get(character);
  if (cached !== undefined) return cached;
  const found = patterns.find(([, pattern]) => pattern.test(character))?.[0] ?? "Any";
  const isKana = found === "Hiragana" || found === "Katakana" || character === "ー";
  const script = character === " " ? "Any" : isKana ? "Han" : found;
  known.set(character, script);
  return script;
}

/** Cuts where the script changes; what stands before the first script is left out. */
export const cutAtScripts: Cutter = (part, keep) => {
  let last: string | undefined;
  let [start, at] = [0, 0];
  for (const character of part) {
    const script = scriptOf(character);
    if (script !== "Any") {
      if (last !== undefined && script !== last) keep(start, at);
      if (script !== last) start = at;
      last = script;
    }
    at += character.length;
  }
  if (last !== undefined) keep(start, part.length);
};
