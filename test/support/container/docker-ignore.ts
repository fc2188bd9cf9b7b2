/**
 * Which files of a build's context are sent to it, by a `.dockerignore`: the last pattern that matches a file or one of its
 * folders decides, as in Docker.
 */
export function isInContext(ignore: string, file: string): boolean {
  let isIgnored = false;
  for (const { pattern, isException } of patternsOf(ignore)) {
    if (pathsTo(file).some((path) => pattern.test(path))) isIgnored = !isException;
  }
  return !isIgnored;
}

function patternsOf(ignore: string) {
  const lines = ignore.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isException = line.startsWith('!');
      return { isException, pattern: toRegExp(line.replace(/^!/, '').replace(/^\/|\/$/g, '')) };
    });
}

function toRegExp(glob: string): RegExp {
  const parts = glob.split('/').map((part) => {
    if (part === '**') return '.*';
    return part
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*/g, '[^/]*')
      .replace(/\?/g, '[^/]');
  });
  return new RegExp(`^${parts.join('/').replaceAll('.*/', '(?:.*/)?')}$`);
}

/** `a`, `a/b`, `a/b/c` for the last of them. */
function pathsTo(file: string): readonly string[] {
  const parts = file.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
