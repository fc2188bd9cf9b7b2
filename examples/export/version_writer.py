"""Writes versions of a model that servable and TensorFlow Serving's tools find: needs numpy, and nothing of TensorFlow.

    with new_version("/models/digits") as version:
        torch.onnx.export(model, example, version.path / "model.onnx", …)
        version.write_signatures({"by_image": {"inputs": {"image": "pixels"}}})
        version.write_warmup([{"pixels": rows}])

A version appears as a whole, under its number, when the block ends; when it fails, nothing appears.
"""

import contextlib
import json
import os
import pathlib
import shutil
import struct

import numpy

MOST_WARMUP_REQUESTS = 1000  # TensorFlow Serving refuses a version with more

# tensorflow/core/framework/types.proto; numpy has no bfloat16.
DATA_TYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "int64": 9, "bool": 10, "uint16": 17,
    "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
DT_STRING = 7


@contextlib.contextmanager
def new_version(base_path, number=None):
    """Makes a version below `base_path`, by default the one after the highest. FileExistsError where it is there."""
    base_path = pathlib.Path(base_path)
    base_path.mkdir(parents=True, exist_ok=True)
    number = next_number(base_path) if number is None else number
    path = base_path / str(number)
    if path.exists():
        raise FileExistsError(f"Cannot write {path}: it is there already, expected a new version")
    incoming = base_path / f"incoming-{number}-{os.getpid()}"  # no number: nobody serves it
    incoming.mkdir()
    try:
        yield Version(number, incoming)
        if not (incoming / "model.onnx").is_file():
            raise FileNotFoundError(f"Cannot write {path}: no model.onnx was written into it")
        incoming.rename(path)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise


def next_number(base_path):
    return max((int(each.name) for each in base_path.iterdir() if each.name.isdigit()), default=0) + 1


class Version:
    """A version while it is written, in a folder that nobody looks into yet."""

    def __init__(self, number, path):
        self.number = number
        self.path = path

    def write_signatures(self, signatures):
        """Names for the graph's inputs and outputs, and labels for classes: docs/export.md."""
        (self.path / "signatures.json").write_text(json.dumps(signatures, indent=2) + "\n", encoding="utf-8")

    def write_warmup(self, requests, signature="serving_default"):
        """Requests, arrays by the names of inputs, that the version is run with before it answers others."""
        requests = list(requests)
        if len(requests) > MOST_WARMUP_REQUESTS:
            raise ValueError(f"Cannot write {len(requests)} warm-up requests, expected at most {MOST_WARMUP_REQUESTS}")
        folder = self.path / "assets.extra"
        folder.mkdir(exist_ok=True)
        records = (tfrecord(prediction_log(inputs, signature)) for inputs in requests)
        (folder / "tf_serving_warmup_requests").write_bytes(b"".join(records))


# PredictionLog { predict_log: PredictLog { request: PredictRequest } } of the folder protos, in protobuf's wire format.


def prediction_log(inputs, signature):
    model_spec = field(3, signature.encode())
    entries = [field(2, field(1, name.encode()) + field(2, tensor(value))) for name, value in inputs.items()]
    request = field(1, model_spec) + b"".join(entries)
    return field(6, field(1, request))


def tensor(value):
    array = numpy.asarray(value, order="C")
    shape = b"".join(field(2, varint_field(1, size)) for size in array.shape)
    if array.dtype.kind in "USO":
        texts = (text.encode() if isinstance(text, str) else bytes(text) for text in array.ravel().tolist())
        return varint_field(1, DT_STRING) + field(2, shape) + b"".join(field(8, text) for text in texts)
    if array.dtype.name not in DATA_TYPES:
        raise TypeError(f"Cannot write a tensor of {array.dtype}, expected text or one of {', '.join(DATA_TYPES)}")
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return varint_field(1, DATA_TYPES[array.dtype.name]) + field(2, shape) + field(4, content)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint_field(number, value):
    return varint(number << 3) + varint(value)


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# A record of a TFRecord file: its length and its bytes, each with a masked CRC-32C.


def tfrecord(data):
    length = struct.pack("<Q", len(data))
    return length + masked_crc(length) + data + masked_crc(data)


def masked_crc(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def crc_of_byte(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_TABLE = [crc_of_byte(byte) for byte in range(256)]
