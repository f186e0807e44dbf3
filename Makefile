# Needs Python 3.11 or newer and make, nothing else: everything is installed into .venv, and the
# environments of the demo, the wheel's and others' programs' tests into .venvs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := .venvs/demo
DEMO_STAMP := $(DEMO)/.installed
# Other people's programs, and other people's installers.
OTHERS := sdk published installers
OTHERS_STAMP := .venvs/.others
ENVIRONMENTS := $(PYTHON) tools/environments.py
# One after the other where make cannot keep their output apart.
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),-j3 --output-sync=target)
# Twice as many workers as cores, since tests wait nearly half of the time: for processes of theirs,
# and for pauses.
ifndef PYTEST_XDIST_AUTO_NUM_WORKERS
export PYTEST_XDIST_AUTO_NUM_WORKERS := \
	$(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
endif
# The environments are made without bytecode, which every short program here would make anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test beside suites format lint types unit soak faults fuzz examples sdk \
	others readme docs record pictures bench dist wheel-test wheel-core wheel-suites clean \
	new-enough

help:  ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }

$(STAMP): pyproject.toml | new-enough
	@$(ENVIRONMENTS) dev

$(DEMO_STAMP): pyproject.toml | new-enough
	@$(ENVIRONMENTS) demo

$(OTHERS_STAMP): pyproject.toml | new-enough
	@$(ENVIRONMENTS) $(OTHERS)
	@touch $@

setup: $(STAMP)  ## Install everything for development into .venv

demo: $(DEMO_STAMP)  ## Log in to a sandbox on this machine and show each step of both ways
	@$(DEMO)/bin/python -m upstox_totp demo

test: $(STAMP)  ## Run every check
	@$(MAKE) --no-print-directory $(TOGETHER) beside
	@$(MAKE) --no-print-directory -j1 suites

# What takes longest is begun first. Typing README is here since it waits for its installers.
beside: wheel-core readme types docs lint

# A suite has the machine to itself: what is said about time is not about what else runs there.
suites: unit wheel-suites

format: $(STAMP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)  ## Check format, style, that imports run one way, and the one seam
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/http/test_one_seam.py

types: $(STAMP)  ## Check the types, and the public API as users write it
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

unit: $(STAMP) $(OTHERS_STAMP)  ## Run the tests, with branch coverage
	$(BIN)/python -m pytest -n auto --cov --cov-report=term-missing:skip-covered

soak: $(STAMP)  ## Let 20 times befall a fleet what befalls it once in the tests
	SOAK_ROUNDS=20 $(BIN)/python -m pytest -n auto tests/cache/test_fleet.py

faults: $(STAMP)  ## Run the matrix of faults alone, and say how many there are
	$(BIN)/python -m pytest -n auto tests/api/test_faults.py

fuzz: $(STAMP)  ## Try 5,000 mutated logins, or FUZZ=… of them, from FUZZ_SEED=… on
	FUZZ=$(or $(FUZZ),5000) $(BIN)/python -m pytest -n auto tests/api/test_fuzz.py

examples: $(STAMP) $(OTHERS_STAMP)  ## Run every example of README and docs alone, and count them
	$(BIN)/python -m pytest -n auto tests/docs

sdk: $(STAMP) $(OTHERS_STAMP)  ## Log in and use the token with the official SDK
	$(BIN)/python -m pytest tests/package/test_sdk.py

others: $(STAMP) $(OTHERS_STAMP)  ## Run other people's programs against the sandbox
	$(BIN)/python -m pytest tests/package/test_sdk.py tests/package/test_published_library.py

readme: $(STAMP) $(OTHERS_STAMP)  ## Type README's lines in a fresh folder with an empty environment
	$(BIN)/python tools/type_readme.py

docs: $(STAMP)  ## Build the documentation into docs/_build, warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

record: $(STAMP)  ## Record the demo of the README anew
	$(BIN)/python docs/record_demo.py

pictures: $(STAMP)  ## Take pictures of the documentation's pages, on a desktop and a phone
	$(BIN)/python docs/take_page_screenshots.py

bench: $(STAMP)  ## Measure what the documentation says about speed
	$(BIN)/python -m benchmarks

dist: $(STAMP)  ## Build sdist and wheel into dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation .

wheel-test: $(STAMP)  ## Test the wheel: every Python here, lowest and newest dependencies
	$(BIN)/python tools/wheel_test.py

wheel-core: $(STAMP)
	$(BIN)/python tools/wheel_test.py core

wheel-suites: $(STAMP)
	$(BIN)/python tools/wheel_test.py suites

clean:  ## Remove what was built and installed
	rm -rf $(VENV) .venvs build dist docs/_build .coverage .coverage.* .hypothesis .mypy_cache \
		.pytest_cache .ruff_cache
