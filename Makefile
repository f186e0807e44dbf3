# Needs Python 3.11 or newer and make, nothing else. Everything is installed into .make, a folder
# that no other program uses.
PYTHON ?= python3
MADE := .make
MARK := $(MADE)/made-by-make
DEV := $(MADE)/dev
BIN := $(DEV)/bin
DEMO := $(MADE)/demo
# Twice as many workers as cores: tests wait nearly half of the time, for processes and pauses.
ifndef PYTEST_XDIST_AUTO_NUM_WORKERS
export PYTEST_XDIST_AUTO_NUM_WORKERS := \
	$(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MYPY_CACHE_DIR := $(CURDIR)/$(MADE)/mypy
export RUFF_CACHE_DIR := $(CURDIR)/$(MADE)/ruff
export COVERAGE_FILE := $(CURDIR)/$(MADE)/coverage
PYTEST := $(BIN)/python -m pytest -o cache_dir=$(MADE)/pytest
# Without the matrices of faults, and without processes, browsers and fleets.
QUICK := tests/api tests/http tests/settings tests/checks $(wildcard tests/test_*.py) \
	--ignore=tests/api/test_faults.py --ignore=tests/api/test_fuzz.py \
	--ignore=tests/api/test_any_json.py --ignore=tests/test_notifier_servers.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick check format lint types suite fuzz soak coverage docs tox \
	record pictures bench dist clean

help:  ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(MARK):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@if [ -e $(MADE) ]; then \
		echo "$(MADE) is here, and make did not make it. Move it away: it would be written into."; \
		exit 1; \
	fi
	@mkdir $(MADE) && touch $(MARK)

# The pip that comes with Python may be too old for dependency groups.
$(DEV)/ready: pyproject.toml | $(MARK)
	@echo "$(DEV): installing what the checks need, once ..."
	@$(PYTHON) -m venv $(DEV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	@touch $@

$(DEMO)/ready: pyproject.toml | $(MARK)
	@echo "$(DEMO): installing what the demo needs, once ..."
	@$(PYTHON) -m venv $(DEMO)
	@$(DEMO)/bin/python -m pip install --quiet --editable ".[cli]"
	@touch $@

setup: $(DEV)/ready  ## Install what the checks need into .make

demo: $(DEMO)/ready  ## Log in to a sandbox on this machine and show each step
	@$(DEMO)/bin/python -m upstox_totp demo

test: lint types suite  ## Run the checks that a change needs, in less than five minutes

quick: lint  ## Run the fast checks, in less than 40 seconds
	$(PYTEST) -q -n auto $(QUICK)

check: tox  ## Run what takes longer: every Python, others' programs, README typed, coverage, fleets

format: $(DEV)/ready  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(DEV)/ready  ## Check format, style, and that imports run one way
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

types: $(DEV)/ready  ## Check the types
	$(BIN)/mypy

suite: $(DEV)/ready  ## Run the tests, those of the documentation's examples included
	$(PYTEST) -n auto

fuzz: $(DEV)/ready  ## Try 5,000 mutated logins, or FUZZ=… of them, from FUZZ_SEED=… on
	FUZZ=$(or $(FUZZ),5000) $(PYTEST) -n auto tests/api/test_fuzz.py

soak: $(DEV)/ready  ## Run 20 rounds of what can happen to a fleet, or SOAK_ROUNDS=… of them
	SOAK_ROUNDS=$(or $(SOAK_ROUNDS),20) $(PYTEST) -n auto tests/cache/test_fleet.py

coverage: $(DEV)/ready  ## Run the tests and measure the branches that they reach
	$(PYTEST) -q -n auto --cov --cov-report=term-missing:skip-covered

docs: $(DEV)/ready  ## Build the documentation into .make/docs, warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs $(MADE)/docs

# No bound of ours names urllib3: this is the oldest one that is tried.
$(MADE)/lowest.txt: pyproject.toml | $(MARK)
	@$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
		groups = [p["dependencies"], *p["optional-dependencies"].values()]; \
		rows = [r.replace(">=", "==") for group in groups for r in group if ">=" in r]; \
		print(*rows, "urllib3==1.26.20", sep="\n")' > $@

# pyenv puts only the chosen Python on PATH; a Python that is missing is left out, not fetched.
PYENV := $(wildcard $(HOME)/.pyenv/versions/3.1[1-9]*/bin)
empty :=
tox: export PATH := $(subst $(empty) ,:,$(strip $(PYENV) $(PATH)))
tox: export UV_PYTHON_DOWNLOADS := never
tox: $(DEV)/ready $(MADE)/lowest.txt
	$(BIN)/tox run --quiet $(if $(ENV),-e $(ENV))

record: $(DEV)/ready  ## Record the demo of the README anew
	$(BIN)/python docs/record_demo.py

pictures: $(DEV)/ready  ## Take pictures of the documentation's pages, on a desktop and a phone
	$(BIN)/python docs/take_page_screenshots.py

bench: $(DEV)/ready  ## Measure what the documentation says about speed
	$(BIN)/python -m benchmarks

dist: $(DEV)/ready  ## Build sdist and wheel into dist
	$(BIN)/python -m build --no-isolation --outdir dist .

clean:  ## Remove what make made: .make
	@if [ -e $(MADE) ] && [ ! -e $(MARK) ]; then \
		echo "$(MADE) is here, and make did not make it: left alone."; \
		exit 1; \
	fi
	rm -rf $(MADE)
