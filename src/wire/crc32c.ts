// Hot path of every record that is written or read: 2 GB/s, where a byte a step makes a quarter of that. Part of what
// bench/request-log/cost.mjs measures.

/** Castagnoli's polynomial, bits reversed. */
const polynomial = 0x82f63b78;

/** `tables[256 · n + byte]`: what a byte does to the checksum when n more bytes follow it. */
const tables = makeTables();

/**
 * The CRC-32C of some bytes, as an unsigned number: 0xe3069283 for the text `123456789`.
 *
 * Source: RFC 3720, appendix B.4; eight bytes at a time after Kounavis and Berry, "A Systematic Approach to Building High
 * Performance Software-based CRC Generators", 2005.
 *
 * @param before the checksum of what comes before them, where they continue something.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const at = (index: number) => bytes[index] as number;
  const effect = (table: number, byte: number) => tables[256 * table + byte] as number;
  let crc = ~before;
  let index = 0;
  for (const end = bytes.length - 7; index < end; index += 8) {
    crc ^= at(index) | (at(index + 1) << 8) | (at(index + 2) << 16) | (at(index + 3) << 24);
    crc =
      effect(7, crc & 0xff) ^
      effect(6, (crc >>> 8) & 0xff) ^
      effect(5, (crc >>> 16) & 0xff) ^
      effect(4, crc >>> 24) ^
      effect(3, at(index + 4)) ^
      effect(2, at(index + 5)) ^
      effect(1, at(index + 6)) ^
      effect(0, at(index + 7));
  }
  for (; index < bytes.length; index++) crc = (crc >>> 8) ^ effect(0, (crc ^ at(index)) & 0xff);
  return ~crc >>> 0;
}

/**
 * The form in which a TFRecord stores a checksum: the checksum of data that hold their own checksum is a poor one.
 *
 * Source: TensorFlow, tsl/lib/hash/crc32c.h.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
    made[byte] = crc;
  }
  for (let index = 256; index < made.length; index++) {
    const shorter = made[index - 256] as number;
    made[index] = (shorter >>> 8) ^ (made[shorter & 0xff] as number);
  }
  return made;
}
