// What a program that serves HTTP needs, beside 'servable' itself.

export type { BoundAddress } from './transport/address.js';
export type { CloseOptions } from './transport/close-options.js';
export { createHttpHandler, type HttpHandler } from './transport/http/http-handler.js';
export type { HttpHandlerOptions, HttpMetricsOptions } from './transport/http/http-options.js';
export type { ServingApi } from './transport/serving-api.js';
export type { TlsConfigFile, TlsFiles, TlsOptions, TlsTexts } from './transport/tls/tls-options.js';
