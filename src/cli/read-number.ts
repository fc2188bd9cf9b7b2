/** The integer of at least 0 that a text is in decimal digits, exactly; undefined for any other text. */
export function readNatural(text: string): number | undefined {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** The finite number that a text is; undefined for any other text. */
export function readNumber(text: string): number | undefined {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
}
