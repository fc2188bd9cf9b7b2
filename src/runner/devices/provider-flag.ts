/** Yes and no in the words of onnxruntime's provider options. */
export function providerFlag(isOn: boolean): string {
  return isOn ? '1' : '0';
}
