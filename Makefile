# Everything a fresh machine needs is Python 3.11+ (with venv and pip) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Where there is an NVIDIA driver, TensorFlow is installed with CUDA. `make install GPU=` leaves it out, `GPU=gpu,` asks for it.
GPU ?= $(if $(shell command -v nvidia-smi)$(wildcard /proc/driver/nvidia/version /dev/dxg),gpu$(comma))
comma := ,

.PHONY: demo test test-slow coverage api check docs release-check screenshots lock clean install

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "tem-rf needs Python 3.11 to 3.13, this is %s; name one with: make PYTHON=python3.12" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(GPU)dev,formats,cluster,movies,tables,browser,exchange,jax,docs]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/tem-rf demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not gpu and not online and not release'

# The longer proofs, run before an issue is resolved.
test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

# Branches of the light layers, data, architecture and runs; docs/coverage.md explains what is left.
COVERED := errors.py files.py config architecture runs data
coverage: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not gpu and not online and not release' --cov --cov-report=term \
		tests/test_files.py tests/data tests/architecture tests/runs tests/cli $(COVERED:%=tem_rf/%)

# tem_rf/api.py, from the settings of the jobs.
api: $(INSTALLED)
	$(BIN)/python -m tools.write_api

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.write_api --check

# The site in site/, warnings as errors; the reference is made from the code.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Wheel and sdist in environments of their own, with each Python that is here and the newest and oldest versions allowed:
# the demo from each.
release-check: $(INSTALLED)
	$(BIN)/python -m pytest -m release -v tests/test_release_install.py

# The pictures of the terminal app in README, of the demo's dataset and training.
screenshots: demo
	$(BIN)/python docs/screenshots.py demo

# Newest versions that work together, for every supported Python, and the oldest that pyproject.toml allows, for a user.
# It works where the versions locked so far can no longer be installed.
lock:
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra formats --extra cluster --extra movies --extra tables --extra browser --extra exchange --extra jax --extra docs --extra gpu pyproject.toml \
		--no-annotate --custom-compile-command 'make lock' --output-file constraints.txt
	$(BIN)/uv pip compile --quiet --upgrade --resolution lowest-direct --python-version 3.11 pyproject.toml \
		--no-annotate --custom-compile-command 'make lock' --output-file constraints-lowest.txt

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
