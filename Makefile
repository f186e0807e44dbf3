# Needs Python 3.11 or newer and make, nothing else: everything is installed into .venv, and the
# environments of the wheel's and the SDK's tests into .venvs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SDK := .venvs/sdk
SDK_STAMP := $(SDK)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test format lint types unit faults examples sdk docs record bench dist \
	wheel-test clean

help:  ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	touch $@

$(SDK_STAMP): pyproject.toml
	$(PYTHON) -m venv $(SDK)
	$(SDK)/bin/python -m pip install --quiet --upgrade pip
	$(SDK)/bin/python -m pip install --quiet --editable . --group sdk
	touch $@

setup: $(STAMP)  ## Install everything into .venv

demo: $(STAMP)  ## Log in to a sandbox on this machine and show the six steps
	@$(BIN)/python -m upstox_totp demo

test: lint types unit docs wheel-test  ## Run every check

format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)  ## Check format, style, and that imports run one way
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

types: $(STAMP)  ## Check the types, and the public API as users write it
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

unit: $(STAMP) $(SDK_STAMP)  ## Run the tests, with branch coverage
	$(BIN)/python -m pytest -n auto --cov --cov-report=term-missing:skip-covered

faults: $(STAMP)  ## Run the matrix of faults alone, and say how many there are
	$(BIN)/python -m pytest -n auto tests/api/test_faults.py

examples: $(STAMP) $(SDK_STAMP)  ## Run every example of README and docs alone, and count them
	$(BIN)/python -m pytest -n auto tests/docs

sdk: $(SDK_STAMP)  ## Log in and use the token with the official SDK
	$(SDK)/bin/python -m pip list
	$(BIN)/python -m pytest tests/package/test_sdk.py

docs: $(STAMP)  ## Build the documentation into docs/_build, warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

record: $(STAMP)  ## Record the demo of the README anew
	$(BIN)/python docs/record_demo.py

bench: $(STAMP)  ## Measure what the documentation says about speed
	$(BIN)/python -m benchmarks

dist: $(STAMP)  ## Build sdist and wheel into dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation .

wheel-test: $(STAMP)  ## Test the wheel: every Python here, lowest and newest dependencies
	$(BIN)/python tools/wheel_test.py

clean:  ## Remove what was built and installed
	rm -rf $(VENV) .venvs build dist docs/_build .coverage .coverage.* .hypothesis .mypy_cache \
		.pytest_cache .ruff_cache
