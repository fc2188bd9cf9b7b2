"""What all checks share: requests, stubs of a channel, and how a call failed."""

import grpc
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc
from tensors import make_tensor

# Long enough for a busy machine; a call that hangs ends the check.
PATIENCE_S = 40
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Client:
    """The services of one channel."""

    def __init__(self, channel):
        self.channel = channel
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)
        self.health = health_pb2_grpc.HealthStub(channel)

    def predict(self, request, timeout=PATIENCE_S, **options):
        return self.prediction.Predict(request, timeout, **options)


def predict_request(model, version=None, label=None, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for name, tensor in inputs.items():
        request.inputs[name].CopyFrom(tensor)
    return request


def linear_request(value=1.0, model="linear", **spec):
    return predict_request(model, x=make_tensor("float32", [1], [value]), **spec)


def spin_request(turns):
    x = make_tensor("float32", [1, 256], [1.0] * 256)
    return predict_request("spin", x=x, n=make_tensor("int64", [], [turns]))


def failure(call):
    """The code and the text that a call ends with."""
    try:
        call()
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}
    return {"code": "OK", "details": ""}
