// What a program that serves gRPC needs, beside 'servable' itself.

export type { BoundAddress } from './transport/grpc/bind.js';
export type { ChannelArguments, GrpcServerOptions } from './transport/grpc/grpc-options.js';
export { createGrpcServer, type GrpcCloseOptions, type GrpcServer } from './transport/grpc/grpc-server.js';
export type { TlsOptions } from './transport/grpc/tls/tls-options.js';
export type { ServingApi } from './transport/serving-api.js';
