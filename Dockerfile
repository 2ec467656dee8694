# tem-rf for a machine with NVIDIA GPUs, or without one.
#   docker build --tag=tem-rf .
#   docker run --rm --init --gpus all --user "$(id -u):$(id -g)" --volume "$PWD:/work" tem-rf doctor
# CUDA and cuDNN come with TensorFlow; the machine needs the NVIDIA driver and NVIDIA's container toolkit.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE CHANGELOG.md constraints.txt constraints-lowest.txt ./
COPY tem_rf tem_rf
COPY tui tui
COPY saved_models saved_models
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY constraints.txt /tmp/
RUN --mount=from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --constraint /tmp/constraints.txt \
    "$(echo /wheels/tem_rf-*.whl)[gpu,formats,movies,exchange,cluster]"
# A home folder for any user. Schedulers whose container engine has no --gpus read the variables of NVIDIA.
ENV HOME=/tmp LANG=C.UTF-8 NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /work
ENTRYPOINT ["tem-rf"]
CMD ["doctor"]
