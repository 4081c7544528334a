/** The Open Inference Protocol (KServe v2, with Triton's extensions): messages, their schemas, and the service. */
export * from "./gen/inference/v2/grpc_service_pb.js";
export * from "./gen/inference/v2/model_config_pb.js";
