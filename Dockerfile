# Two images from one file: `web` without torch, `worker` without the site's libraries.
FROM python:3.11.14-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONPATH=/srv/tuningfork
WORKDIR /srv/tuningfork
RUN useradd --system --create-home --home-dir /home/tuningfork tuningfork \
    && mkdir /scratch && chown tuningfork /scratch

FROM base AS web-libraries
COPY requirements/web.txt requirements/web.txt
RUN pip install --require-hashes --requirement requirements/web.txt

FROM web-libraries AS assets
COPY package.json package-lock.json .npmrc ./
COPY tools tools
COPY static static
RUN python tools/build_assets.py

FROM web-libraries AS web
COPY --from=assets /srv/tuningfork/static static
COPY templates templates
COPY locale locale
COPY migrations migrations
COPY docs docs
COPY worker worker
COPY app app
RUN printf '#!/bin/sh\nexec python -m app.cli "$@"\n' > /usr/local/bin/tuningfork \
    && chmod 755 /usr/local/bin/tuningfork \
    && python -m compileall -q app worker/contract
USER tuningfork
EXPOSE 8000
CMD ["tuningfork", "serve"]

FROM base AS worker
COPY requirements/worker.txt requirements/worker.txt
RUN pip install --require-hashes --requirement requirements/worker.txt
COPY worker worker
RUN python -m compileall -q worker
USER tuningfork
VOLUME /scratch
CMD ["python", "-m", "worker", "serve"]
