# Every target sets up what it needs. `make train` and `make test` work on a fresh machine with Python >= 3.11 and nothing else.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help train test test-slow lint types format docs bench wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

train: $(VENV)/.run  ## set up, then train TD3 on the pendulum (ARGS="seed=2 env=…" changes it)
	$(BIN)/wattloom experiment=pendulum_td3_small $(ARGS)

test: $(VENV)/.dev  ## set up, then run the fast tests
	$(BIN)/python -m pytest -m "not slow" -q -n 2 --dist loadfile $(ARGS)

test-slow: $(VENV)/.dev  ## the tests that take minutes (learning, exact resume under SIGKILL, wheels)
	$(BIN)/python -m pytest -m slow -q -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.dev .typing/linked  ## ruff, formatting, spelling, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell framework components conf tests docs experiments README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/mypy -p wattloom

format: $(VENV)/.dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev  ## build the documentation into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.dev  ## the speed ratios against named peers (minutes; keep the machine quiet)
	for script in experiments/benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

wheel: $(VENV)/.dev  ## build dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove everything that make made (never runs/)
	rm -rf $(VENV) .typing build dist *.egg-info docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The type checker reads the packages under their import names; the links are made anew because folders come and go.
.PHONY: .typing/linked
.typing/linked:
	@rm -rf .typing && mkdir -p .typing/wattloom
	@for entry in framework/*; do ln -s ../../$$entry .typing/wattloom/$$(basename $$entry); done
	@ln -s ../../components .typing/wattloom/components && ln -s ../../conf .typing/wattloom/conf

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Wattloom needs Python 3.11 or newer, and none was found on PATH. Install it (python.org, your package manager, or uv python install 3.11), or name it: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@echo "-- making the environment $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot make virtual environments; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "-- installing Wattloom and what it needs to run (once; a few minutes)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -c constraints.txt torch
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "-- installing the tools for tests, types and documentation (once; a few minutes)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -c constraints.txt -e ".[dev]"
	@touch $@
