# Everything a fresh machine needs is Python 3.11+ (with venv and pip) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-slow coverage check docs release-check lowest screenshots lock clean install

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

# Branches of the light layers, data, receptive field and runs; docs/coverage.md explains what is left.
COVERED := errors.py files.py config receptive_field runs data
coverage: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow and not gpu and not online' --cov --cov-report=term \
		tests/test_files.py tests/data tests/receptive_field tests/runs tests/cli $(COVERED:%=tem_rf/%)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The site in site/, warnings as errors; the reference is made from the code.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The wheel in an environment of its own, with this Python and the newest versions: the main job, tiny, and the demo.
# Oldest versions allowed: make release-check CONSTRAINTS=build/lowest.txt, after make lowest.
CONSTRAINTS ?= constraints.txt
RELEASE := build/release

release-check: $(INSTALLED)
	rm -rf $(RELEASE)
	$(BIN)/python -m build --outdir $(RELEASE) .
	$(PYTHON) -m venv $(RELEASE)/venv
	$(RELEASE)/venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) $(RELEASE)/*.whl
	cd $(RELEASE) && venv/bin/tem-rf --help > help.txt
	cd $(RELEASE) && venv/bin/python -c 'import doctest, tem_rf.api as api; raise SystemExit(doctest.testmod(api).failed)'
	cd $(RELEASE) && venv/bin/tem-rf demo

# The oldest versions that pyproject.toml allows, for release-check (needs uv).
lowest:
	mkdir -p build
	uv pip compile --quiet --resolution lowest-direct --upgrade --python-version 3.11 pyproject.toml --output-file build/lowest.txt

# The pictures of the terminal app in README, of the demo's dataset and training.
screenshots: demo
	$(BIN)/python docs/screenshots.py demo

# Newest versions that work together, for every supported Python (needs uv: pip install uv).
lock:
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra formats --extra cluster --extra movies --extra exchange --extra jax --extra docs pyproject.toml \
		--no-annotate --custom-compile-command 'make lock' --output-file constraints.txt

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
