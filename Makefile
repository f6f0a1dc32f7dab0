# Two commands: `make repro` runs the pipeline, `make test` the tests; each makes the environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

WORKERS ?= 1

.PHONY: demo repro test fuzz ablations benchmark lint docs lock clean

repro: $(VENV)/.ready
	PATH="$(abspath $(BIN)):$$PATH" rhas cache verify --quick --repair
	PATH="$(abspath $(BIN)):$$PATH" dvc repro
	PATH="$(abspath $(BIN)):$$PATH" rhas metrics

# A first result from the built-in models and a drawn film, in demo/.
demo: $(VENV)/.ready
	$(BIN)/rhas demo

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Damaged files to all readers of files (CONTRIBUTING.md, Fuzzing).
fuzz: MINUTES ?= 6
fuzz: $(VENV)/.ready-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[fuzz]"
	$(BIN)/python tests/fuzz --minutes $(MINUTES)

# Hours: each list's experiments that are not done yet. Killed, they go on when called again.
benchmark: COSTS = --costs benchmarks/methods.json
ablations benchmark: $(VENV)/.ready
	PATH="$(abspath $(BIN)):$$PATH" rhas queue benchmarks/$@.yaml --workers $(WORKERS) $(COSTS)

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages of docs/ and the docstrings as a site in site/; any warning fails.
docs: $(VENV)/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Without --no-compile a minute more: pip would compile thousands of modules that nobody imports.
$(VENV)/.ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		-c requirements.lock -e ".[all]"
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[all,dev,docs]"
	touch $@

# What is installed becomes the lock; a local build tag (+cpu) is not part of a version.
lock: $(VENV)/.ready-dev
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf $(VENV)
