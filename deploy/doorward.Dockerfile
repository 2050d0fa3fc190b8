# Both services and SQLite in one image, to try Doorward out; auth.Dockerfile and resource.Dockerfile are for production.
# From the project's root:
#   docker build -f deploy/doorward.Dockerfile -t doorward .
#   docker run --rm -p 127.0.0.1:9000-9002:9000-9002 -v doorward:/var/lib/doorward doorward
# Publish the ports on this machine only: the password of the demo user is known to everybody.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS dependencies
COPY deploy/doorward.lock /tmp/doorward.lock
RUN python -m venv --without-pip /opt/doorward \
 && python -m pip --python /opt/doorward/bin/python install \
      --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r /tmp/doorward.lock

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/doorward/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/srv/doorward \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=dependencies /opt/doorward /opt/doorward
COPY deploy/doorward deploy/health_check.py /opt/doorward/bin/
COPY shared /srv/doorward/shared
COPY auth_service /srv/doorward/auth_service
COPY resource_service /srv/doorward/resource_service
# A volume mounted here starts out owned by the user the services run as.
RUN python -m compileall -q /srv/doorward \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/doorward
USER 10001:10001
VOLUME /var/lib/doorward
EXPOSE 9000 9001 9002
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["env", "-i", "/opt/doorward/bin/python", "-IS", "/opt/doorward/bin/health_check.py", "9000", "9001"]
CMD ["doorward", "up", "--host", "0.0.0.0", "--data-dir", "/var/lib/doorward"]
