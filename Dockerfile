# The proxy alone: one bundled file on a plain Node image, for linux/amd64 and linux/arm64 (the base image has both). Build the bundle
# first (`npm ci`), so that what was tested is what ships. Nothing is written at run time: the root may be read-only.
FROM node:24-bookworm-slim AS files
WORKDIR /app
COPY LICENSE dist/sluice-serve.mjs dist/rds-ca.pem ./
# The bundle must load on the Node that it will run on.
RUN node sluice-serve.mjs --help > /dev/null

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="sluice" \
      org.opencontainers.image.description="An open RDS Proxy for MySQL" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=files --chown=node:node /app ./
USER node
ENV NODE_ENV=production
EXPOSE 6033 6034 6080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:6080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# `docker stop` sends SIGTERM: sessions get their time to end. Allow 120 s (stop_grace_period, stopTimeout).
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/sluice-serve.mjs"]
CMD ["/etc/sluice/sluice.yaml"]
