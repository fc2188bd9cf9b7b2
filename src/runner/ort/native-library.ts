import koffi from 'koffi';

type Library = ReturnType<typeof koffi.load>;

/**
 * Loaded libraries of this thread. koffi unloads a library when its handle is collected, and functions that were bound by
 * it do not keep the handle.
 */
const libraries = new Map<string | null, Library>();

/** Loads a shared library, for as long as the thread lives; null is the process itself. @throws Error with the reason. */
export function loadLibrary(file: string | null): Library {
  const library = libraries.get(file) ?? koffi.load(file);
  libraries.set(file, library);
  return library;
}
