"""What tensorflow's make_tensor_proto and make_ndarray do, for flat lists of values and without tensorflow."""

import math
import struct

from tensorflow.core.framework import tensor_pb2, types_pb2

# dtype: the enum's name, the typed field, the format of one element in tensor_content
FORMATS = {
    "float16": ("DT_HALF", "half_val", "e"),
    "bfloat16": ("DT_BFLOAT16", "half_val", None),
    "float32": ("DT_FLOAT", "float_val", "f"),
    "float64": ("DT_DOUBLE", "double_val", "d"),
    "int8": ("DT_INT8", "int_val", "b"),
    "int16": ("DT_INT16", "int_val", "h"),
    "int32": ("DT_INT32", "int_val", "i"),
    "int64": ("DT_INT64", "int64_val", "q"),
    "uint8": ("DT_UINT8", "int_val", "B"),
    "uint16": ("DT_UINT16", "int_val", "H"),
    "uint32": ("DT_UINT32", "uint32_val", "I"),
    "uint64": ("DT_UINT64", "uint64_val", "Q"),
    "bool": ("DT_BOOL", "bool_val", "?"),
    "string": ("DT_STRING", "string_val", None),
}


def to_content(dtype, values):
    if dtype == "bfloat16":  # the upper half of a float32
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{FORMATS[dtype][2]}", *values)


def from_varints(content, count):
    """As many numbers, and what is behind them."""
    numbers = []
    while len(numbers) < count:
        number, shift, byte = 0, 0, 0x80
        while byte & 0x80:
            byte, content = content[0], content[1:]
            number |= (byte & 0x7F) << shift
            shift += 7
        numbers.append(number)
    return numbers, content


def strings_of(content, count):
    """tensorflow writes all lengths before all bytes (core/framework/tensor.cc)."""
    lengths, content = from_varints(content, count)
    ends = [sum(lengths[: place + 1]) for place in range(count)]
    return [content[end - length : end] for length, end in zip(lengths, ends)]


def from_content(dtype, content):
    if dtype == "bfloat16":
        return [struct.unpack("<f", b"\0\0" + content[at : at + 2])[0] for at in range(0, len(content), 2)]
    return [value for (value,) in struct.iter_unpack("<" + FORMATS[dtype][2], content)]


def empty_tensor(dtype, shape):
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DataType.Value(FORMATS[dtype][0]))
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def make_tensor(dtype, shape, values, as_content=False):
    tensor = empty_tensor(dtype, shape)
    field = FORMATS[dtype][1]
    if as_content and dtype != "string":
        tensor.tensor_content = to_content(dtype, values)
    elif field == "half_val":  # the bits, as integers
        content = to_content(dtype, values)
        tensor.half_val.extend(from_content("uint16", content))
    else:
        getattr(tensor, field).extend(values)
    return tensor


def read_tensor(tensor):
    """dtype, shape, the field that holds the values, and these."""
    name = types_pb2.DataType.Name(tensor.dtype)
    dtype, field = next((dtype, field) for dtype, (enum, field, _) in FORMATS.items() if enum == name)
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content and dtype == "string":
        return dtype, shape, "tensor_content", strings_of(tensor.tensor_content, math.prod(shape))
    if tensor.tensor_content:
        return dtype, shape, "tensor_content", from_content(dtype, tensor.tensor_content)
    values = list(getattr(tensor, field))
    if field == "half_val":
        values = from_content(dtype, to_content("uint16", values))
    return dtype, shape, field, values
