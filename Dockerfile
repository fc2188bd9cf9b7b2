# An image of `servable serve`, to be run as TensorFlow Serving's is: docs/container.md.
#
#   docker build -t servable .
#   docker build -t servable:gpu --target gpu .
ARG NODE_IMAGE=node:20-slim
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY protos protos
COPY src src
RUN npm run build

# What the program needs to run, and of the optional packages those of gRPC, S3 and GCS; all of the versions that the lock
# file names. Of onnxruntime's binaries those of this platform.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
ARG OPTIONAL_PACKAGES="@grpc/grpc-js @grpc/reflection @grpc/proto-loader @aws-sdk/client-s3 @google-cloud/storage"
COPY container/keep-packages.mjs container/keep-binaries.mjs ./
COPY package.json package-lock.json .npmrc ./
RUN node keep-packages.mjs ${OPTIONAL_PACKAGES}
RUN --mount=type=cache,target=/root/.npm npm install --omit=dev --no-audit --no-fund
RUN node keep-binaries.mjs
RUN rm keep-packages.mjs keep-binaries.mjs .npmrc package-lock.json

# The same with onnxruntime's CUDA and TensorRT providers, which its install script downloads.
FROM packages AS gpu-packages
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --foreground-scripts

FROM ${NODE_IMAGE} AS node

FROM ${CUDA_IMAGE} AS gpu
COPY --from=node /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=gpu-packages /app ./
COPY --from=build /build/dist dist
COPY LICENSE ./
COPY container/tensorflow_model_server /usr/bin/
COPY container/gpu.json ./
ENV NODE_ENV=production \
    MODEL_NAME=model \
    MODEL_BASE_PATH=/models \
    MALLOC_MMAP_THRESHOLD_=67108864 \
    MALLOC_TRIM_THRESHOLD_=536870912 \
    HEALTH_URL=http://127.0.0.1:8501/readyz
EXPOSE 8500 8501
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
    CMD ["node", "--eval", "fetch(process.env.HEALTH_URL).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli/main.js", "serve", "--config=/app/gpu.json"]

FROM ${NODE_IMAGE}
WORKDIR /app
COPY --from=packages /app ./
COPY --from=build /build/dist dist
COPY LICENSE ./
COPY container/tensorflow_model_server /usr/bin/
# TF Serving's environment. glibc gives large blocks back to the kernel at once by default, so that each large answer pays
# for fresh pages: with the two thresholds, requests of 600 KB are answered a third faster. HEALTH_URL is for who moves REST.
ENV NODE_ENV=production \
    MODEL_NAME=model \
    MODEL_BASE_PATH=/models \
    MALLOC_MMAP_THRESHOLD_=67108864 \
    MALLOC_TRIM_THRESHOLD_=536870912 \
    HEALTH_URL=http://127.0.0.1:8501/readyz
EXPOSE 8500 8501
# Not root, by number: Kubernetes asks for that. Nothing is written but below /tmp.
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
    CMD ["node", "--eval", "fetch(process.env.HEALTH_URL).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No shell: SIGTERM reaches the program, which drains.
ENTRYPOINT ["node", "/app/dist/cli/main.js", "serve"]
