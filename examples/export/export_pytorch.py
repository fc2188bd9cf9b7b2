"""A PyTorch model as a version that servable serves: python3 export_pytorch.py <base path>"""

import sys

import numpy
import torch

from version_writer import new_version


def make_model():
    """`pixels` [batch, 64], values from 0 to 16 → `probabilities` [batch, 10]; yours is trained."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10), torch.nn.Softmax(dim=1)]
    return torch.nn.Sequential(*layers)


def export(model, base_path):
    model.eval()  # dropout and batch normalisation as in use, not as in training
    with new_version(base_path) as version:
        torch.onnx.export(
            model,
            (torch.zeros(1, 64),),
            str(version.path / "model.onnx"),
            input_names=["pixels"],
            output_names=["probabilities"],
            # Axis 0 takes any number of rows: without this, requests can neither have several rows nor share runs.
            dynamic_axes={"pixels": {0: "batch"}, "probabilities": {0: "batch"}},
            opset_version=17,
        )
        version.write_signatures(
            {
                "digits": {
                    "method": "classify",
                    "inputs": {"image": "pixels"},
                    "outputs": {"scores": "probabilities"},
                    "classes": [str(digit) for digit in range(10)],
                }
            }
        )
        version.write_warmup({"pixels": numpy.zeros((rows, 64), "float32")} for rows in (1, 8, 32))
    return version.number


if __name__ == "__main__":
    print(export(make_model(), sys.argv[1]))
