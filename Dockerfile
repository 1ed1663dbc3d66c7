# Darkroom's images, one target a program: gateway, operator, agent-cpu, agent-cuda, and agent-test for test clusters.
#
#   docker build --target gateway -t darkroom-gateway:0.1.0 .       (buildah and podman take the same arguments)
#
# All run as user 1000 on a read-only root file system; what they write goes to /data or /tmp, which a pod mounts.
# Each program is started once while its image is built, without a broker to reach: so it ends at once and leaves what V8 made
# of its code in the compile cache, which saves a third of every start. By the user that will run it: Node keeps one cache a user.

ARG NODE_IMAGE=node:24-bookworm-slim
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

# ── packages ──

# Nothing here needs an install script: sharp's and ONNX Runtime's binaries are in the packages themselves.
# Declarations, source maps and other copies of the source are a third of it.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/node node_modules/.bin node_modules/effect/src \
    && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM packages AS gateway-packages
RUN rm -rf node_modules/onnxruntime-node node_modules/onnxruntime-common

FROM gateway-packages AS operator-packages
RUN rm -rf node_modules/hono node_modules/@hono node_modules/sharp node_modules/@img

FROM packages AS agent-packages
RUN rm -rf node_modules/hono node_modules/@hono node_modules/@kubernetes \
    && arch=$(node -p process.arch) && cd node_modules/onnxruntime-node/bin/napi-v6 \
    && find . -mindepth 2 -maxdepth 2 ! -path "./linux/$arch" -exec rm -rf {} +

# Beside the packages' own binaries, CUDA wants its provider and NVIDIA's libraries, all from PyPI (more than 1 GB): docs/adr/0012.
FROM ${PYTHON_IMAGE} AS agent-cuda-packages
WORKDIR /app
COPY --from=agent-packages /app/node_modules/onnxruntime-node ./node_modules/onnxruntime-node
COPY scripts/cuda-provider ./scripts/cuda-provider
COPY scripts/cuda ./scripts/cuda
RUN scripts/cuda-provider /opt/cuda && test -s /opt/cuda/libcudart.so.13

# ── programs ──

FROM ${NODE_IMAGE} AS gateway
LABEL org.opencontainers.image.title="Darkroom gateway" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compile-cache HOST=0.0.0.0 MODELS_PORT=0 DATA_DIR=/data
WORKDIR /app
COPY --from=gateway-packages /app/node_modules ./node_modules
COPY LICENSE package.json ./
COPY src/contract ./src/contract
COPY src/platform ./src/platform
COPY src/gateway ./src/gateway
RUN install -d -o 1000 -g 1000 "$NODE_COMPILE_CACHE"
USER 1000:1000
RUN NATS_URL=nats://127.0.0.1:1 timeout 120 node src/gateway/main.ts >/dev/null 2>&1; \
    node --input-type=module -e 'await import("@kubernetes/client-node")' && test -n "$(ls "$NODE_COMPILE_CACHE")"
EXPOSE 3000 9464
ENTRYPOINT ["node", "src/gateway/main.ts"]

FROM ${NODE_IMAGE} AS operator
LABEL org.opencontainers.image.title="Darkroom operator" org.opencontainers.image.licenses="Apache-2.0"
# Two arenas of malloc: with one for each thread, 20 MiB of what was freed stay with the process (bench/scale).
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compile-cache MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=operator-packages /app/node_modules ./node_modules
COPY LICENSE package.json ./
COPY src/contract ./src/contract
COPY src/platform ./src/platform
COPY src/operator ./src/operator
RUN install -d -o 1000 -g 1000 "$NODE_COMPILE_CACHE"
USER 1000:1000
RUN NATS_URL=nats://127.0.0.1:1 timeout 120 node src/operator/main.ts >/dev/null 2>&1; test -n "$(ls "$NODE_COMPILE_CACHE")"
EXPOSE 9464
# Room for new objects: 2 MiB are collected a little more often than V8's 32, and stay out of the pod's memory (bench/scale).
ENTRYPOINT ["node", "--max-semi-space-size=2", "src/operator/main.ts"]

# The CPU agent brings the starter models. A pool's model cache, when it has one, is mounted at /models instead.
FROM ${NODE_IMAGE} AS agent-cpu
LABEL org.opencontainers.image.title="Darkroom agent (CPU)" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compile-cache AGENT_HEALTH_HOST=0.0.0.0 AGENT_HEALTH_PORT=8080 DARKROOM_DEVICE=cpu MODELS_DIR=/app/models XDG_CACHE_HOME=/tmp/cache
WORKDIR /app
COPY --from=agent-packages /app/node_modules ./node_modules
COPY models ./models
COPY LICENSE package.json ./
COPY src/contract ./src/contract
COPY src/platform ./src/platform
COPY src/gpu-agent ./src/gpu-agent
RUN install -d -o 1000 -g 1000 "$NODE_COMPILE_CACHE"
USER 1000:1000
RUN NATS_URL=nats://127.0.0.1:1 timeout 120 node src/gpu-agent/main.ts >/dev/null 2>&1; \
    timeout 120 node src/gpu-agent/engine/main.ts && test -n "$(ls "$NODE_COMPILE_CACHE")"
EXPOSE 8080
ENTRYPOINT ["node", "src/gpu-agent/main.ts"]

# As agent-cpu, with the model that takes, fails and hangs as it is told. Never for production.
FROM agent-cpu AS agent-test
ENV DARKROOM_TEST_MODELS=1
COPY test/fixtures/models/noop ./models/noop

# For linux/amd64 with an NVIDIA driver for CUDA 13 (580 or newer), which NVIDIA's container runtime adds. Large models are not
# in it: they come from the pool's model cache at /models.
FROM ${NODE_IMAGE} AS agent-cuda
LABEL org.opencontainers.image.title="Darkroom agent (CUDA)" org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compile-cache AGENT_HEALTH_HOST=0.0.0.0 AGENT_HEALTH_PORT=8080 DARKROOM_DEVICE=cuda MODELS_DIR=/app/models XDG_CACHE_HOME=/tmp/cache \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility LD_LIBRARY_PATH=/opt/cuda
WORKDIR /app
COPY --from=agent-packages /app/node_modules ./node_modules
COPY --from=agent-cuda-packages /app/node_modules/onnxruntime-node ./node_modules/onnxruntime-node
COPY --from=agent-cuda-packages /opt/cuda /opt/cuda
COPY models ./models
COPY LICENSE package.json ./
COPY src/contract ./src/contract
COPY src/platform ./src/platform
COPY src/gpu-agent ./src/gpu-agent
RUN install -d -o 1000 -g 1000 "$NODE_COMPILE_CACHE"
USER 1000:1000
RUN NATS_URL=nats://127.0.0.1:1 timeout 120 node src/gpu-agent/main.ts >/dev/null 2>&1; \
    timeout 120 node src/gpu-agent/engine/main.ts && test -n "$(ls "$NODE_COMPILE_CACHE")"
EXPOSE 8080
ENTRYPOINT ["node", "src/gpu-agent/main.ts"]
