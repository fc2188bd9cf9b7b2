/** Ten to the power of each exponent from -22 to 22; those from 0 on are exact. */
export const powersOfTen: Float64Array = Float64Array.from({ length: 45 }, (_, place) =>
  Number(`1e${place - 22}`),
);

/** Where ten to the power of 0 stands. */
export const zeroPower = 22;
