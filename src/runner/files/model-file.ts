/** The model file in a version directory. */
export const modelFile = 'model.onnx';
