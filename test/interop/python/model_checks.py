"""What is served: statuses, metadata, configs, health, reflection, and calls that are refused."""

from calls import PATIENCE_S, failure, linear_request, predict_request
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2
from grpc_reflection.v1 import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    predict_pb2,
)
from tensors import make_tensor


def refusals(client):
    wrong_dtype = predict_request("linear", x=make_tensor("int64", [1], [1]))
    wrong_shape = predict_request("linear", x=make_tensor("float32", [1, 1], [1.0]))
    too_few = predict_request("unranked", x=make_tensor("float32", [2], [1.0]))
    too_few.inputs["x"].ClearField("float_val")
    too_few.inputs["x"].tensor_content = b"\0\0\0\0\0"
    signature = linear_request()
    signature.model_spec.signature_name = "nope"
    requests = {
        "no spec": predict_pb2.PredictRequest(),
        "no name": predict_request(""),
        "no such model": linear_request(model="nope"),
        "a model's name beyond ASCII": linear_request(model="größe 100%\n模型"),
        "a long name": linear_request(model="n" * 5000),
        "no such version": linear_request(version=9),
        "a negative version": linear_request(version=-1),
        "no such label": linear_request(label="nope"),
        "no such signature": signature,
        "the wrong dtype": wrong_dtype,
        "the wrong shape": wrong_shape,
        "no input": predict_request("linear"),
        "an input too many": predict_request("linear", x=make_tensor("float32", [1], [1.0]), z=wrong_dtype.inputs["x"]),
        "content of another size": too_few,
    }
    return {name: failure(lambda: client.predict(request)) for name, request in requests.items()}


def raw_refusals(client):
    """What no stub would send."""

    def send(method, data):
        return failure(lambda: client.channel.unary_unary(method)(data, PATIENCE_S))

    predict = "/tensorflow.serving.PredictionService/Predict"
    return {
        "no message": send(predict, b"\xff\xff\xff"),
        "a truncated message": send(predict, linear_request().SerializeToString()[:-3]),
        "no such method": send("/tensorflow.serving.PredictionService/Nope", b""),
        "no such service": send("/nope.Nope/Nope", b""),
        "a service that TF Serving does not register": send("/tensorflow.serving.SessionService/SessionRun", b""),
    }


def status(client):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "linear"
    State = get_model_status_pb2.ModelVersionStatus.State
    versions = client.models.GetModelStatus(request, PATIENCE_S).model_version_status
    request.model_spec.name = "nope"
    return {
        "versions": [
            [each.version, State.Name(each.state), each.status.error_code, each.status.error_message]
            for each in versions
        ],
        "unknown": failure(lambda: client.models.GetModelStatus(request, PATIENCE_S)),
    }


def metadata(client):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "linear"
    request.metadata_field.append("signature_def")
    response = client.prediction.GetModelMetadata(request, PATIENCE_S)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    is_unpacked = response.metadata["signature_def"].Unpack(signatures)
    default = signatures.signature_def["serving_default"]

    def describe(infos):
        return {
            name: [info.name, info.dtype, [dim.size for dim in info.tensor_shape.dim]] for name, info in infos.items()
        }

    return {
        "model": [response.model_spec.name, response.model_spec.version.value],
        "isUnpacked": is_unpacked,
        "method": default.method_name,
        "inputs": describe(default.inputs),
        "outputs": describe(default.outputs),
    }


def reload(client, models):
    """Serves these models, and says whether another one of them answers; models: name and base path."""
    request = model_management_pb2.ReloadConfigRequest()
    for name, base_path in models.items():
        request.config.model_config_list.config.add(name=name, base_path=base_path, model_platform="tensorflow")
    ended = failure(lambda: client.models.HandleReloadConfigRequest(request, PATIENCE_S))
    return {**ended, "answers": {name: failure(lambda: client.predict(linear_request(model=name))) for name in models}}


def health(client, services):
    def check(service):
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            response = client.health.Check(request, PATIENCE_S)
        except Exception as error:  # its code is what is looked for
            return error.code().name
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)

    return {service: check(service) for service in services}


def watch(client, service, on_ready):
    """All that a watch says until it ends."""
    stream = client.health.Watch(health_pb2.HealthCheckRequest(service=service), PATIENCE_S)
    told = []

    def listen():
        for response in stream:
            told.append(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))
            if len(told) == 1:
                on_ready()

    return {"ended": failure(listen), "told": told}


def watch_cancelled(client, service):
    stream = client.health.Watch(health_pb2.HealthCheckRequest(service=service), PATIENCE_S)
    next(stream)
    stream.cancel()
    return failure(lambda: next(stream))


def reflection(client, methods):
    """Services by name, and the input message of methods, out of descriptors that are linked by the runtime's rules."""
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)

    def ask(**question):
        request = reflection_pb2.ServerReflectionRequest(**question)
        return next(stub.ServerReflectionInfo(iter([request]), PATIENCE_S))

    services = [each.name for each in ask(list_services="").list_services_response.service]
    files = {}

    def fetch(**question):
        for data in ask(**question).file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files.setdefault(file.name, file)

    for service in services:
        fetch(file_containing_symbol=service)
    pool = descriptor_pool.DescriptorPool()

    def link(name):
        if name not in files:
            fetch(file_by_filename=name)
        file = files.pop(name, None)
        if file is None:  # linked before
            return
        for dependency in file.dependency:
            link(dependency)
        pool.Add(file)

    for name in list(files):
        link(name)
    inputs = [pool.FindMethodByName(method).input_type.full_name for method in methods]
    request = linear_request(label="stable")
    reflected = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(request.DESCRIPTOR.full_name))
    reads_alike = MessageToDict(reflected.FromString(request.SerializeToString())) == MessageToDict(request)
    unknown = ask(file_containing_symbol="nope.Nope").error_response.error_code
    return {"services": sorted(services), "inputs": inputs, "readsAlike": reads_alike, "unknown": unknown}


CHECKS = {
    "refusals": refusals,
    "raw_refusals": raw_refusals,
    "status": status,
    "metadata": metadata,
    "reload": reload,
    "health": health,
    "watch": watch,
    "watch_cancelled": watch_cancelled,
    "reflection": reflection,
}
