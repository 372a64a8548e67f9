# The same tasks in CI and by hand. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test test-platform lint format bench bench-quick fuzz soak docs clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

include deploy/tasks.mk

install: $(STAMP) ## make the venv, install the gateway, its tools and GraphiQL's assets

$(STAMP): pyproject.toml constraints.txt scripts/install.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh scripts/install.sh
	@touch $@

run: $(STAMP) ## start the demo backends and the gateway on http://127.0.0.1:$(PORT)/graphql
	@sh scripts/system-packages.sh php || true
	@PORT=$(PORT) exec $(BIN)/python -m demo

test: $(STAMP) ## run the tests; installs and starts what they need
	@sh scripts/system-packages.sh php php-fpm chromium nginx wrk
	@$(BIN)/python -m pytest $(ARGS)

test-platform: $(STAMP) ## image, chart and release tests (Debian, root)
	@sh tests/platform/install.sh
	@$(BIN)/python -m pytest tests/platform -m platform $(ARGS)

lint: $(STAMP) ## formatting, lint, types, floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## mend formatting and what the linter can
	@$(BIN)/ruff check --fix -q . || true
	@$(BIN)/ruff format .

bench: $(STAMP) ## the benchmark suite
	@sh scripts/system-packages.sh nginx wrk
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(STAMP) ## random schemas and documents against the reference, until stopped
	@$(BIN)/python -m tests.differential --forever $(ARGS)

docs: $(STAMP) ## regenerate what docs/ generates from the code
	@$(BIN)/python -m docs.generate

clean: ## remove what was built and generated
	@rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
