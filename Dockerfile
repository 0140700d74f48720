# The files of the GraphQL explorer page, as its lock file pins them; the build below embeds what it finds.
FROM node:22-slim AS explorer
WORKDIR /explorer
COPY api/server/pages/graphiql/package.json api/server/pages/graphiql/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

# Of the same Debian release as the last stage: the program links to its C library.
FROM rust:1.95-trixie AS build
WORKDIR /build
COPY . .
COPY --from=explorer /explorer/node_modules api/server/pages/graphiql/node_modules
# The caches last from build to build and stay out of the image, so the program is copied out in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin roundtable \
    && install target/release/roundtable /usr/local/bin/roundtable

FROM debian:trixie-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin roundtable
COPY --from=build /usr/local/bin/roundtable /usr/local/bin/roundtable
# By number, so that an orchestrator can see that it is not root.
USER 10001
EXPOSE 8080
ENTRYPOINT ["roundtable"]
CMD ["serve"]
