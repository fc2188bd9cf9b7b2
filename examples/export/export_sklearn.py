"""A scikit-learn model as a version that servable serves: python3 export_sklearn.py <base path>

Needs skl2onnx beside scikit-learn.
"""

import sys

from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from version_writer import new_version


def make_model():
    """Images of 64 pixels, values from 0 to 16 → which digit, and how likely each is."""
    images, digits = load_digits(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(images, digits)


def export(model, base_path):
    images, _ = load_digits(return_X_y=True)
    onnx_model = to_onnx(
        model,
        initial_types=[("pixels", FloatTensorType([None, 64]))],  # None: any number of rows
        options={"zipmap": False},  # probabilities as a tensor, not as a dictionary for each row
        target_opset=17,
    )
    with new_version(base_path) as version:
        (version.path / "model.onnx").write_bytes(onnx_model.SerializeToString())
        version.write_signatures(
            {
                "digits": {
                    "method": "classify",
                    "inputs": {"image": "pixels"},
                    "outputs": {"scores": "probabilities"},
                    "classes": [str(digit) for digit in model.classes_],
                }
            }
        )
        version.write_warmup({"pixels": images[:rows].astype("float32")} for rows in (1, 8, 32))
    return version.number


if __name__ == "__main__":
    print(export(make_model(), sys.argv[1]))
