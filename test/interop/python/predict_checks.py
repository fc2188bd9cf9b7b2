"""Predict: tensors of all kinds there and back."""

import array

import grpc
from calls import failure, linear_request, predict_request
from tensors import empty_tensor, make_tensor, read_tensor

IMAGE = [1, 224, 224, 3]
VALUES = {
    "bool": [True, False, False, True],
    "string": ["größe 模型".encode(), b"", b"a\0b", b"text"],
    "int8": [-128, 127, 0, -1],
    "int16": [-(2**15), 2**15 - 1, 0, -1],
    "int32": [-(2**31), 2**31 - 1, 0, -1],
    "int64": [-(2**63), 2**63 - 1, 2**53 + 1, -1],
    "uint8": [0, 255, 1, 128],
    "uint16": [0, 2**16 - 1, 1, 2**15],
    "uint32": [0, 2**32 - 1, 1, 2**31],
    "uint64": [0, 2**64 - 1, 2**53 + 1, 2**63],
}
FRACTIONS = [0.5, -1.5, 0.0, float("inf")]


def image(client, as_content):
    values = array.array("f", [index % 3 + 1 for index in range(224 * 224 * 3)])
    tensor = empty_tensor("float32", IMAGE)
    if as_content:
        tensor.tensor_content = values.tobytes()
    else:
        tensor.float_val.extend(values)
    response = client.predict(predict_request("channels", image=tensor))
    dtype, shape, _, means = read_tensor(response.outputs["means"])
    same = read_tensor(response.outputs["same"])
    return {"dtype": dtype, "shape": shape, "means": means, "isSame": same[1] == IMAGE and same[3] == list(values)}


def dtypes(client, as_content, names):
    """The field that each dtype came back in, or the values where they are others."""
    sent = {name: VALUES.get(name, FRACTIONS) for name in names}
    inputs = {f"in_{name}": make_tensor(name, [2, 2], sent[name], as_content) for name in names}
    response = client.predict(predict_request("passthrough", **inputs))
    back = {name: read_tensor(response.outputs[f"out_{name}"]) for name in names}
    return {
        name: field if (dtype, shape, values) == (name, [2, 2], sent[name]) else [dtype, shape, str(values)]
        for name, (dtype, shape, field, values) in back.items()
    }


def compact(client):
    """tensorflow leaves out what repeats the last element, and all of a tensor that is empty."""
    repeated = predict_request("unranked", x=make_tensor("float32", [2, 3], [1.5, 2.5]))
    empty = predict_request("unranked", x=make_tensor("float32", [0, 3], []))
    scalar = predict_request("unranked", x=make_tensor("float32", [], [4.0]))
    return [read_tensor(client.predict(request).outputs["y"])[1::2] for request in (repeated, empty, scalar)]


def strings(client):
    texts = [b"b", "größe".encode(), b"", b"b"]
    request = predict_request("strings", text=make_tensor("string", [4], texts))
    request.output_filter.append("distinct")
    outputs = client.predict(request).outputs
    return {name: [text.decode() for text in tensor.string_val] for name, tensor in outputs.items()}


def binary_strings(client):
    sent = [bytes(range(256)), b"\xff\xfe", b"\xc3"]
    request = predict_request("strings", text=make_tensor("string", [3], sent))
    ended = failure(lambda: client.predict(request))
    return {**ended, "isSame": ended["code"] == "OK" and list(client.predict(request).outputs["same"].string_val) == sent}


def versions(client):
    """Which version answers, and what it adds."""
    specs = [{}, {"version": 1}, {"version": 2}, {"label": "stable"}, {"label": "canary"}]
    answers = [client.predict(linear_request(1.0, **spec)) for spec in specs]
    return [
        [answer.model_spec.name, answer.model_spec.version.value, answer.model_spec.signature_name]
        + list(answer.outputs["y"].float_val)
        for answer in answers
    ]


def large(client, megabytes, as_content):
    values = array.array("f", range(megabytes * 2**18))
    tensor = empty_tensor("float32", [len(values)])
    if as_content:
        tensor.tensor_content = values.tobytes()
    else:
        tensor.float_val.extend(values)
    output = client.predict(predict_request("unranked", x=tensor)).outputs["y"]
    return {"bytes": output.ByteSize(), "isSame": array.array("f", output.float_val) == values}


def zeros(megabytes):
    request = predict_request("unranked", x=empty_tensor("float32", [megabytes * 2**18]))
    request.inputs["x"].tensor_content = bytes(megabytes * 2**20)
    return request


def compressed(client, algorithm, megabytes):
    request = zeros(megabytes)
    answer = client.predict(request, compression=grpc.Compression[algorithm])
    return {"count": len(answer.outputs["y"].float_val), "isZero": not any(answer.outputs["y"].float_val)}


def compressed_refusal(client, algorithm, megabytes):
    refused = failure(lambda: client.predict(zeros(megabytes), compression=grpc.Compression[algorithm]))
    after = client.predict(linear_request(-2.0)).outputs["y"].float_val[0]
    return {**refused, "after": after}


CHECKS = {
    "image": image,
    "dtypes": dtypes,
    "compact": compact,
    "strings": strings,
    "binary_strings": binary_strings,
    "versions": versions,
    "large": large,
    "compressed": compressed,
    "compressed_refusal": compressed_refusal,
}
