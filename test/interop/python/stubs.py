"""Makes the client's messages and stubs of the project's protos: stubs.py <protos> <reflection protos> <folder>."""

import os
import subprocess
import sys

from google.protobuf import any_pb2, descriptor_pb2, wrappers_pb2

PLUGIN = "/usr/bin/grpc_python_plugin"


def write_well_known(path):
    """Debian has the sources of google/protobuf/* in another package; the runtime knows what was made of them."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, wrappers_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    with open(path, "wb") as file:
        file.write(files.SerializeToString())


def find_protos(folder, within):
    for directory, _, names in os.walk(os.path.join(folder, within)):
        for name in names:
            yield os.path.relpath(os.path.join(directory, name), folder)


def generate(protos, reflection, folder):
    well_known = os.path.join(folder, "well_known.pb")
    write_well_known(well_known)
    # Beside grpc's own package, as the packages grpcio-health-checking and grpcio-reflection have them.
    paths = [
        protos,
        "grpc_health/v1=" + os.path.join(protos, "grpc/health/v1"),
        "grpc_reflection/v1=" + reflection,
    ]
    files = [
        *find_protos(protos, "tensorflow"),
        *find_protos(protos, "tensorflow_serving"),
        "grpc_health/v1/health.proto",
        "grpc_reflection/v1/reflection.proto",
    ]
    command = ["/usr/bin/protoc", f"--descriptor_set_in={well_known}", f"--plugin=protoc-gen-grpc_python={PLUGIN}"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    subprocess.run([*command, *outputs, *(f"-I{path}" for path in paths), *files], check=True)


if __name__ == "__main__":
    generate(*sys.argv[1:])
