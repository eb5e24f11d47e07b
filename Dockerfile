# The bundle comes from `npm run build`; nothing is installed or run here, so the image can be built anywhere.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
LABEL org.opencontainers.image.title="uwsgi-tuner" \
      org.opencontainers.image.description="Measures uWSGI pods and sizes processes, threads and thread stacks against the memory limit" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY dist/ /app/
COPY LICENSE /app/LICENSE
ENV NODE_ENV=production
# Without it the young generation grows to three times 16 MiB under load; what a controller makes is short-lived and small.
ENV NODE_OPTIONS="--max-semi-space-size=2 --max-old-space-size=160"
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["node", "/app/uwsgi-tuner.mjs"]
CMD ["controller"]
