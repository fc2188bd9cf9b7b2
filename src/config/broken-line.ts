/** Longer texts are not searched: that would hold the event loop for longer than the number of a line is worth. */
const longestSearched = 256 * 1024;

/**
 * @internal The number of the line that breaks a text: the first with which `isBroken` holds for the text up to its end.
 * Bisects, so `isBroken` is called with few beginnings of the text; undefined where the text is too long for that.
 */
export function brokenLine(text: string, isBroken: (beginning: string) => boolean): number | undefined {
  if (text.length > longestSearched) return undefined;
  const lines = text.split('\n');
  let low = 1;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBroken(lines.slice(0, middle).join('\n'))) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @internal The number of the line that a position in a text is on. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
