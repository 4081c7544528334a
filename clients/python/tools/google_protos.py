"""Write the descriptors of google.rpc's error details and of gRPC's health service to standard output.

The TypeScript client is generated from them. They come from the pinned packages that the Python client uses.
"""

import sys

from google.protobuf import duration_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

FILES = (duration_pb2, error_details_pb2, health_pb2)

if __name__ == "__main__":
    files = [FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb) for module in FILES]
    sys.stdout.buffer.write(FileDescriptorSet(file=files).SerializeToString())
