/** Takes an element out of a short array; false where it is not in it. */
export function remove<T>(elements: T[], element: T): boolean {
  const place = elements.indexOf(element);
  if (place < 0) return false;
  elements.splice(place, 1);
  return true;
}
