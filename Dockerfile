# The gateway's image. Two targets: `gateway` (the last, so the default) and `demo` with the stand-in backends.
#
#   docker build -t gateway:0.1.0 --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
#
# PYTHON_IMAGE is any Debian with Python >= 3.11 and its venv module. `make image` takes it from deploy/base-image, where
# `make pin-base` writes its digest.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# tini has no version of its own to pin: it comes with the base's distribution.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gateway ./gateway
# The gateway's venv has no pip; every dependency comes as a wheel, but for opentracing, which is pure Python and has
# none: no compiler is ever needed. `inventory.txt`
# lists what is inside, `sbom.cdx.json` says the same as CycloneDX: `make sign` attests it.
RUN python3 -m venv /opt/build \
 && python3 -m venv --without-pip /opt/gateway \
 && /opt/build/bin/pip --python /opt/gateway/bin/python install --no-cache-dir \
      --only-binary :all: --no-binary opentracing --constraint constraints.txt '.[http2,redis]' \
 && /opt/build/bin/pip --python /opt/gateway/bin/python freeze --exclude compiled-graphql-gateway \
      > /opt/gateway/inventory.txt \
 && python3 -m venv /opt/sbom \
 && /opt/sbom/bin/pip install --no-cache-dir --only-binary :all: cyclonedx-bom==7.5.0 \
 && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --spec-version 1.6 --output-format JSON \
      --output-file /opt/gateway/sbom.cdx.json /opt/gateway/bin/python3

FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="compiled-graphql-gateway" \
      org.opencontainers.image.description="A GraphQL API gateway that compiles each operation to one Python function" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 gateway \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin gateway
COPY --from=build /usr/bin/tini /usr/bin/tini
COPY --from=build /opt/gateway /opt/gateway
# The root filesystem may be read-only: nothing is compiled or written at run time but under /tmp.
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_REVISION=${REVISION} \
    GATEWAY_SERVER__HOST=0.0.0.0
WORKDIR /app
COPY gateway.toml ./
COPY schema ./schema
COPY resolvers ./resolvers
USER 10001:10001
# The endpoint; and the metrics, where `telemetry.metrics.host` is an address that the network reaches.
EXPOSE 8000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('GATEWAY_SERVER__PORT', '8000') + '/health/live', timeout=2)"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["python", "-m", "gateway", "serve", "--config", "/app/gateway.toml"]

FROM runtime AS demo
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends php-cli \
 && rm -rf /var/lib/apt/lists/*
COPY demo ./demo
USER 10001:10001
CMD ["python", "-m", "demo", "--backends-only", "--data", "/tmp/demo"]

FROM runtime AS gateway
