# The resource service alone. From the project's root:
#   docker build -f deploy/resource.Dockerfile -t doorward-resource .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS dependencies
COPY deploy/resource.lock /tmp/resource.lock
RUN python -m venv --without-pip /opt/doorward \
 && python -m pip --python /opt/doorward/bin/python install \
      --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r /tmp/resource.lock

# The image contains one service, and the names of the other one's settings: both may be in the same environment file.
FROM ${PYTHON_IMAGE} AS names
WORKDIR /src
COPY shared shared
COPY auth_service auth_service
COPY resource_service resource_service
RUN python -m shared.setting_names >/setting_names.json

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/doorward/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/srv/doorward \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY --from=dependencies /opt/doorward /opt/doorward
COPY deploy/doorward deploy/health_check.py /opt/doorward/bin/
COPY shared /srv/doorward/shared
COPY --from=names /setting_names.json /srv/doorward/shared/setting_names.json
COPY resource_service /srv/doorward/resource_service
# A volume mounted here starts out owned by the user the service runs as.
RUN python -m compileall -q /srv/doorward \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/doorward
USER 10001:10001
EXPOSE 9001
# Without the environment, which a command of the same user could read while the check runs.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["env", "-i", "/opt/doorward/bin/python", "-IS", "/opt/doorward/bin/health_check.py", "9001"]
CMD ["doorward", "resource", "--host", "0.0.0.0", "--port", "9001"]
