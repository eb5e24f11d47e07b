# The bundle comes from `npm run build`; nothing is installed or run here, so the image can be built anywhere.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
LABEL org.opencontainers.image.title="uwsgi-tuner" \
      org.opencontainers.image.description="Measures uWSGI pods and sizes processes, threads and thread stacks against the memory limit" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY dist/ /app/
COPY LICENSE /app/LICENSE
ENV NODE_ENV=production
# glibc keeps what was freed for each thread and raises its own thresholds: 20 MiB resident with a hundred tunings.
ENV MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=131072
USER 65532:65532
WORKDIR /app
# For memory, at some cost in speed: 125 MiB resident become 95 with a hundred tunings. Half of that is the node binary.
ENTRYPOINT ["node", "--max-semi-space-size=1", "--max-old-space-size=160", "--optimize-for-size", "--no-maglev", \
  "--no-sparkplug", "/app/uwsgi-tuner.mjs"]
CMD ["controller"]
