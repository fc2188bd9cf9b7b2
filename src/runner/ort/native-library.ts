import koffi from 'koffi';

type Library = ReturnType<typeof koffi.load>;

/**
 * Loaded libraries of this thread. koffi unloads a library when its handle is collected, and functions that were bound by
 * it do not keep the handle.
 */
const libraries = new Map<string | null, Library>();

/**
 * Loads a shared library, for as long as the thread lives; null is the process itself.
 *
 * @throws Error with the system's reason, which begins with the library that is missing: this one, or one that it needs.
 */
export function loadLibrary(file: string | null): Library {
  const library = libraries.get(file) ?? load(file);
  libraries.set(file, library);
  return library;
}

function load(file: string | null): Library {
  try {
    return koffi.load(file);
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^Failed to load shared library: /, '');
    const isNamed = file === null || /^\S+: /.test(reason);
    throw new Error(isNamed ? reason : `${file}: ${reason}`, { cause });
  }
}
