// What a program that serves gRPC needs, beside 'servable' itself.

export type { BoundAddress } from './transport/address.js';
export type { CloseOptions } from './transport/close-options.js';
export type { ChannelArguments, GrpcServerOptions } from './transport/grpc/grpc-options.js';
export { createGrpcServer, type GrpcServer } from './transport/grpc/grpc-server.js';
export type { ServingApi } from './transport/serving-api.js';
export type { TlsConfigFile, TlsFiles, TlsOptions, TlsTexts } from './transport/tls/tls-options.js';
