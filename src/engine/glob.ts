/**
 * Whether a node label matches one of the globs: `*` any run of characters except `/` when the pattern holds a `/`,
 * `**` any run at all, `?` one character; everything else is literal, `[` included (exporters write it in names).
 */
export function matchesGlob(label: string, globs: readonly string[]): boolean {
  return globs.some((glob) => globPattern(glob).test(label));
}

/** A glob as a regular expression over the whole label. */
export function globPattern(glob: string): RegExp {
  const star = glob.includes("/") ? "[^/]*" : ".*";
  const source = glob.replace(/\*\*|\*|\?|[\\^$.|+()[\]{}]/g, (token) => {
    if (token === "**") return ".*";
    if (token === "*") return star;
    if (token === "?") return ".";
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`, "su");
}
