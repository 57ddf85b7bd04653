# The proxy alone: one bundled file on a plain Node image. Build the bundle first (`npm ci`), so that what was tested is what ships.
FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="sluice" \
      org.opencontainers.image.description="An open RDS Proxy for MySQL" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --chown=node:node LICENSE dist/sluice-serve.mjs ./
USER node
ENV NODE_ENV=production
EXPOSE 6033 6034 6080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:6080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# `docker stop` sends SIGTERM: sessions get their time to end. Allow 120 s (stop_grace_period, stopTimeout).
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/sluice-serve.mjs"]
CMD ["/etc/sluice/sluice.yaml"]
