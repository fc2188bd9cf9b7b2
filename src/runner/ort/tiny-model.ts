/**
 * A model of one operator, `x` float32 [1] → `y` = x + x, of opset 13: what a session is made of where any session will do.
 */
export const tinyModel: Uint8Array = Buffer.from(
  'CAgSCHNlcnZhYmxlOjgKDgoBeAoBeBIBeSIDQWRkEgR0aW55Wg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==',
  'base64',
);
