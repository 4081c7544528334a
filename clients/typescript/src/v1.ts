/** The protocol of bedside.v1: messages, their schemas, and services. */
export * from "./gen/bedside/v1/clinical_pb.js";
export * from "./gen/bedside/v1/embedding_pb.js";
export * from "./gen/bedside/v1/generation_pb.js";
export * from "./gen/bedside/v1/graph_pb.js";
export * from "./gen/bedside/v1/model_pb.js";
export * from "./gen/bedside/v1/preparation_pb.js";
export * from "./gen/bedside/v1/record_pb.js";
