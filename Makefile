# Everything a fresh machine needs is Python 3.11+ (with venv and pip) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-slow check docs screenshots lock clean install

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "tem-rf needs Python 3.11 to 3.13, this is %s; name one with: make PYTHON=python3.12" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,formats,cluster,movies,exchange,jax,docs]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/tem-rf demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not gpu and not online'

# The longer proofs, run before an issue is resolved.
test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The site in site/, warnings as errors; the reference is made from the code.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# The pictures of the terminal app in README, of the demo's dataset and training.
screenshots: demo
	$(BIN)/python docs/screenshots.py demo

# Newest versions that work together, for every supported Python (needs uv: pip install uv).
lock:
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra formats --extra cluster --extra movies --extra exchange --extra jax --extra docs pyproject.toml \
		--no-annotate --custom-compile-command 'make lock' --output-file constraints.txt

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
