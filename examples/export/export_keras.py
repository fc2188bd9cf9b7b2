"""A Keras model of TensorFlow as a version that servable serves: python3 export_keras.py <base path>

Needs tf2onnx beside TensorFlow. A SavedModel needs no script but the last lines of this one:
python3 -m tf2onnx.convert --saved-model <folder> --output model.onnx --opset 17
"""

import sys

import keras
import numpy
import tensorflow
import tf2onnx

from version_writer import new_version


def make_model():
    """`images` [batch, 28, 28], values from 0 to 1 → `probabilities` [batch, 10]; yours is trained."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def export(model, base_path):
    # None: any number of rows. The names of the inputs and of the dictionary are those that requests use.
    images = tensorflow.TensorSpec([None, 28, 28], tensorflow.float32, name="images")

    @tensorflow.function(input_signature=[images])
    def serve(images):
        return {"probabilities": model(images, training=False)}

    with new_version(base_path) as version:
        tf2onnx.convert.from_function(
            serve, input_signature=[images], opset=17, output_path=str(version.path / "model.onnx")
        )
        version.write_signatures(
            {
                "digits": {
                    "method": "classify",
                    "inputs": {"image": "images"},
                    "outputs": {"scores": "probabilities"},
                    "classes": [str(digit) for digit in range(10)],
                }
            }
        )
        version.write_warmup({"images": numpy.zeros((rows, 28, 28), "float32")} for rows in (1, 8, 32))
    return version.number


if __name__ == "__main__":
    print(export(make_model(), sys.argv[1]))
