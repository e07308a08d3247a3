# privd as it is shipped, alone in a small image. How to run it: docs/operating.md, "In a container".
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --features dist && cp target/dist/privd /usr/local/bin/

FROM debian:bookworm-slim
# The certificates are for S3; what fetches key sets (PRIV_JWKS) has its own.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /data privd \
    && install --directory --owner=privd --group=privd --mode=0700 /data
COPY --from=build /usr/local/bin/privd /usr/local/bin/
USER privd
ENV PRIV_DATA_DIR=/data PRIV_LISTEN=0.0.0.0:8080 PRIV_LOG=json
VOLUME /data
EXPOSE 8080
# Until recovery is done nothing listens; a start that replays a whole journal takes minutes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m CMD ["privd", "ready"]
ENTRYPOINT ["privd"]
