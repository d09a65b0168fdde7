import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";

/**
 * Checks every link of a built site to a page, a file or an anchor of the site itself.
 *
 * @throws Error that lists the links that lead nowhere, and the pages that no other page links to
 */
export function checkLinks(folder) {
  const files = readdirSync(folder, { recursive: true }).map((path) => path.replaceAll(sep, "/"));
  const known = new Set(files);
  const pages = new Map();
  for (const path of files.filter((name) => name.endsWith(".html")))
    pages.set(path, readFileSync(join(folder, path), "utf8"));
  const anchors = new Map([...pages].map(([path, html]) => [path, anchorsOf(html)]));
  const broken = new Map();
  const unlinked = new Set([...pages.keys()].filter((path) => path !== "404.html"));
  for (const [path, html] of pages)
    for (const [, link] of html.matchAll(/<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]*)"/g)) {
      const { pathname, hash, host } = new URL(link, `http://site/${path}`);
      if (host !== "site") continue;
      const named = decodeURIComponent(pathname).slice(1);
      const target = [named, `${named}.html`, posix.join(named, "index.html")].find((name) => known.has(name));
      if (target !== path) unlinked.delete(target);
      const anchor = decodeURIComponent(hash.slice(1));
      const isFound = target !== undefined && (anchor === "" || anchors.get(target)?.has(anchor));
      if (!isFound) broken.set(link, [...(broken.get(link) ?? []), path]);
    }
  const lines = [...broken].map(([link, [first, ...more]]) => `${link} in ${first} and ${more.length} more`);
  if (lines.length > 0) throw new Error(`links that lead nowhere:\n${lines.join("\n")}`);
  if (unlinked.size > 0) throw new Error(`pages that no other page links to:\n${[...unlinked].join("\n")}`);
  console.log(`${pages.size} pages, no broken link`);
}

const anchorsOf = (html) => new Set([...html.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id));
