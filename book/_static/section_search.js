// Ranks the sections of the book for a question. It takes the place of Sphinx's own ranking, which
// knows whole pages, asks for every word, and drops numbers; all else of its search stays.
"use strict";

const SectionSearch = {
  // Elements of a page that say again what stands beside them: a formula is there three times.
  twice: ".katex-html, annotation",

  // The words of a question, as `typed` of section_search.py makes those of a phrase.
  words(text, stop) {
    const stemmer = new Stemmer();
    return this.split(text)
      .filter((word) => !stop.includes(word))
      .map((word) => (/^\d/.test(word) ? word : stemmer.stemWord(word)));
  },

  split: (text) => [
    ...new Set(text.toLowerCase().match(/\d+(?:\.\d+)?(?:e[-+]?\d+)?|[\p{L}_][\p{L}\p{N}_]*/gu)),
  ],

  // The words of the index for a word of the question: [word, trust].
  meant(word, index) {
    const known = (w) => Object.prototype.hasOwnProperty.call(index.words, w);
    if (/^\d+\.\d+/.test(word)) {
      // As many digits as somebody copied: 0.69 and 0.69314718 both mean 0.6931.
      const near = Object.keys(index.words).filter((w) => w.startsWith(word));
      const rounded = [4, 3, 2].map((digits) => Number(word).toFixed(digits)).find(known);
      return [...new Set(rounded ? [...near, rounded] : near)].map((w) => [w, 1]);
    }
    if (known(word)) return [[word, 1]];
    const parts = word.split("_").filter((w) => w && w !== word && known(w));
    if (parts.length) return parts.map((w) => [w, 1]);
    if (word.length < 3) return [];
    return Object.keys(index.words)
      .filter((w) => w.startsWith(word) || (word.startsWith(w) && w.length > 3 && word.length - w.length < 4))
      .map((w) => [w, 0.5]);
  },

  // The places for a question, best first: [place, score].
  rank(question, index) {
    const asked = this.words(question, index.stop);
    const count = index.places.length;
    const length = index.places.reduce((sum, place) => sum + place[3], 0) / count;
    const scores = new Float64Array(count);
    const covered = new Float64Array(count);
    const elsewhere = index.pages.map(() => 0);
    let total = 0;
    const rarity = (holders) => Math.log(1 + (count - holders + 0.5) / (holders + 0.5));
    for (const word of asked) {
      const best = new Map();
      const meant = this.meant(word, index);
      let holders = 0;
      for (const [found, trust] of meant) {
        const row = index.words[found];
        holders = Math.max(holders, row.length / 2);
        for (let i = 0; i < row.length; i += 2)
          best.set(row[i], Math.max(best.get(row[i]) || 0, trust * row[i + 1]));
      }
      if (!best.size) continue;
      const rare = rarity(holders);
      total += rare;
      const pages = new Set();
      for (const [place, weight] of best) {
        const long = 0.4 + (0.6 * index.places[place][3]) / length;
        scores[place] += (rare * 2.2 * weight) / (weight + 1.2 * long);
        covered[place] += rare;
        pages.add(index.places[place][0]);
      }
      for (const page of pages) elsewhere[page] += rare;
    }
    // What the glossary asks, it asks in words: label_smoothing is "label smoothing" there.
    const stems = new Set(asked.flatMap((word) => this.meant(word, index).map(([found]) => found)));
    const stemmer = new Stemmer();
    for (const word of this.split(question))
      for (const part of word.split("_")) stems.add(stemmer.stemWord(part));
    const bonus = new Float64Array(count);
    for (const [phrase, places] of index.asked)
      if (phrase.length && phrase.every((word) => stems.has(word))) {
        const gain = phrase.reduce((sum, word) => sum + rarity(index.words[word].length / 2), 0);
        for (const place of places) bonus[place] = Math.max(bonus[place], gain);
      }
    // A question that is the name of a page asks for this page.
    const name = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
    const asks = (page) => name(page[1]) === name(question);
    const chapter = index.pages.findIndex((page) => asks(page) && !page[0].startsWith("book/api/"));
    const named = chapter >= 0 ? chapter : index.pages.findIndex(asks);
    const ranked = [];
    for (let place = 0; place < count; place++) {
      const [page, anchor, , , trust] = index.places[place];
      if (page === named && !anchor) ranked.push([place, 1e6]);
      if (!scores[place] || (page === named && !anchor)) continue;
      const share = (0.7 * covered[place] + 0.3 * elsewhere[page]) / (total || 1);
      ranked.push([place, (scores[place] * share * share + bonus[place]) * trust]);
    }
    ranked.sort((a, b) => b[1] - a[1]);
    return this.spread(ranked, index);
  },

  // At most two places of a page before other pages have had their turn.
  spread(ranked, index) {
    const seen = {};
    const later = [];
    const first = ranked.filter((hit) => {
      const page = index.places[hit[0]][0];
      seen[page] = (seen[page] || 0) + 1;
      if (seen[page] > 2) later.push(hit);
      return seen[page] <= 2;
    });
    return [...first, ...later];
  },

  // What Sphinx shows, the best last: [page, title, anchor, description, score, file].
  results(question, index) {
    return this.rank(question, index)
      .slice(0, 25)
      .map(([place, score]) => {
        const [number, anchor, title] = index.places[place];
        const [page, keyword] = index.pages[number];
        const shown = anchor ? `${keyword} › ${title}` : title;
        return [page, shown, anchor ? `#${anchor}` : "", null, Math.round(10 * score), page];
      })
      .reverse();
  },
};

Search._performSearch = (question) => SectionSearch.results(question, Search._index);

// The text of a place, from which Sphinx cuts an excerpt; a term and a signature with what they say.
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  const twice = `${SectionSearch.twice}, .headerlink, script, style`;
  page.querySelectorAll(twice).forEach((element) => element.remove());
  const place = anchor ? page.getElementById(anchor.slice(1)) : page.querySelector("main section, section");
  if (!place) return "";
  const more = place.tagName === "DT" && place.nextElementSibling;
  return more ? `${place.textContent} ${more.textContent}` : place.textContent;
};

// What the excerpt begins near, and what is marked: numbers too, but no letter of a formula.
const _parsed = Search._parseQuery;
Search._parseQuery = (question) => {
  const parts = _parsed(question);
  const words = SectionSearch.split(question).filter((word) => !Search._index.stop.includes(word));
  parts[1] = new Set(SectionSearch.words(question, Search._index.stop));
  parts[3] = new Set(words.filter((word) => word.length > 2));
  if (SPHINX_HIGHLIGHT_ENABLED) localStorage.setItem("sphinx_highlight_terms", [...parts[3]].join(" "));
  return parts;
};
