# The gateway's image. Two targets: `gateway` (the last, so the default) and `demo` with the stand-in backends.
#
#   docker build -t gateway:0.1.0 --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
#
# PYTHON_IMAGE is any Debian with Python >= 3.11 and its venv module. `make image` takes it from deploy/base-image, where
# `make pin-base` writes its digest.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# tini and the time zones have no version of their own to pin: they come with the base's distribution.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini tzdata \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY deploy/image/build.txt deploy/image/runtime.txt ./image/
# Whatever is fetched is a file whose hash stands in deploy/image (`make lock` writes it), and a wheel, but for
# opentracing, which is pure Python and has none: no compiler is ever needed, and nothing is built by what nobody named.
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r image/build.txt \
 && /opt/build/bin/pip wheel --no-cache-dir --require-hashes --no-deps --no-build-isolation \
      --only-binary :all: --no-binary opentracing -w /src/wheels -r image/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway ./gateway
# The gateway's venv has no pip. `inventory.txt` lists what is inside, `sbom.cdx.json` says the same as CycloneDX:
# `make sign` attests it.
RUN /opt/build/bin/pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation -w /src/wheels . \
 && python3 -m venv --without-pip /opt/gateway \
 && /opt/build/bin/pip --python /opt/gateway/bin/python install --no-cache-dir --no-index --no-deps /src/wheels/*.whl \
 && /opt/build/bin/pip --python /opt/gateway/bin/python check \
 && /opt/build/bin/pip --python /opt/gateway/bin/python list --format=freeze --exclude compiled-graphql-gateway \
      > /opt/gateway/inventory.txt \
 && /opt/build/bin/cyclonedx-py environment --output-reproducible --spec-version 1.6 --output-format JSON \
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
# What a base has none of: a source's `time_zone` names one.
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
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
