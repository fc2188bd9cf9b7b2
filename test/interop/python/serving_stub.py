"""Serves TensorFlow Serving's services over Debian's grpcio, as far as a client can tell: prints its port, ends with its input.

Predict echoes its inputs: those of `echo` as they come, those of `typed` with floats in their typed field.
"""

import struct
import sys
from concurrent import futures

import grpc
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

VERSION = 7


def answer_spec(spec):
    answer = type(spec)(name=spec.name, signature_name=spec.signature_name or "serving_default")
    answer.version.value = spec.version.value if spec.HasField("version") else VERSION
    return answer


def refuse_unknown(spec, context):
    if spec.name == "nobody":
        context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(nobody)")


def feature_text(feature):
    kind = feature.WhichOneof("kind")
    values = list(getattr(feature, kind).value)
    return f"{kind} {[value.decode() if isinstance(value, bytes) else value for value in values]}"


def classes_of(example):
    features = example.features.feature
    classes = [classification_pb2.Class(label=f"{name}: {feature_text(features[name])}", score=0.5) for name in sorted(features)]
    return classification_pb2.Classifications(classes=classes)


def regression_of(example):
    return regression_pb2.Regression(value=sum(example.features.feature["x"].float_list.value))


def classify(examples):
    return classification_pb2.ClassificationResult(classifications=map(classes_of, examples))


def regress(examples):
    return regression_pb2.RegressionResult(regressions=map(regression_of, examples))


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def Predict(self, request, context):
        refuse_unknown(request.model_spec, context)
        response = predict_pb2.PredictResponse(model_spec=answer_spec(request.model_spec))
        for alias, tensor in request.inputs.items():
            if request.output_filter and alias not in request.output_filter:
                continue
            output = response.outputs[alias]
            output.CopyFrom(tensor)
            if request.model_spec.name == "typed" and tensor.dtype == types_pb2.DT_FLOAT:
                count = len(tensor.tensor_content) // 4
                output.float_val.extend(struct.unpack(f"<{count}f", tensor.tensor_content))
                output.tensor_content = b""
        return response

    def Classify(self, request, context):
        result = classify(request.input.example_list.examples)
        return classification_pb2.ClassificationResponse(model_spec=answer_spec(request.model_spec), result=result)

    def Regress(self, request, context):
        result = regress(request.input.example_list.examples)
        return regression_pb2.RegressionResponse(model_spec=answer_spec(request.model_spec), result=result)

    def MultiInference(self, request, context):
        examples = request.input.example_list.examples
        response = inference_pb2.MultiInferenceResponse()
        for task in request.tasks:
            result = response.results.add(model_spec=answer_spec(task.model_spec))
            if task.method_name == "tensorflow/serving/classify":
                result.classification_result.CopyFrom(classify(examples))
            else:
                result.regression_result.CopyFrom(regress(examples))
        return response

    def GetModelMetadata(self, request, context):
        refuse_unknown(request.model_spec, context)
        if list(request.metadata_field) != ["signature_def"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Which field?")
        signature = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
        image = signature.inputs["image"]
        image.name, image.dtype = "serving_default_image:0", types_pb2.DT_FLOAT
        for size in (-1, 28, 28):
            image.tensor_shape.dim.add(size=size)
        scores = signature.outputs["scores"]
        scores.name, scores.dtype = "StatefulPartitionedCall:0", types_pb2.DT_HALF
        scores.tensor_shape.unknown_rank = True
        variant = signature.outputs["variant"]
        variant.name, variant.dtype = "StatefulPartitionedCall:1", types_pb2.DT_VARIANT
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def={"serving_default": signature})
        response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=answer_spec(request.model_spec))
        response.metadata["signature_def"].Pack(signatures)
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        refuse_unknown(request.model_spec, context)
        state = get_model_status_pb2.ModelVersionStatus.State
        response = get_model_status_pb2.GetModelStatusResponse()
        ended = response.model_version_status.add(version=1, state=state.Value("END"))
        ended.status.error_code, ended.status.error_message = 5, "No such file"
        response.model_version_status.add(version=VERSION, state=state.Value("AVAILABLE")).status.error_code = 0
        return response

    def HandleReloadConfigRequest(self, request, context):
        """Tells what it was told, by the names of counters."""
        response = model_management_pb2.ReloadConfigResponse()
        for model in request.config.model_config_list.config:
            policy = model.model_version_policy
            chosen = policy.WhichOneof("policy_choice")
            numbers = list(policy.specific.versions) or policy.latest.num_versions
            labels = dict(model.version_labels)
            text = f"{model.name} {model.base_path} {model.model_platform} {chosen} {numbers} {labels}"
            response.metric.add(name=text, int64_value_increase=1)
        for name in request.metric_names:
            response.metric.add(name=name, int64_value_increase=2**40)
        return response


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None).wait()


if __name__ == "__main__":
    serve()
