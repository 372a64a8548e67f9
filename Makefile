# The same tasks in CI and by hand. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
# One more than cores: a third of the tests' time is spent waiting.
JOBS   ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
STAMP  := $(VENV)/.installed
SERVED := $(VENV)/.served

.DEFAULT_GOAL := help
.PHONY: help install wheel run test test-openfeature test-platform lint format bench bench-quick bench-publish bench-guard bench-tools bench-peers profile fuzz fuzz-readings fuzz-guided soak lock docs docs-site clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

include deploy/tasks.mk

install: $(STAMP) ## make the venv, install the gateway, its tools and GraphiQL's assets

$(STAMP): pyproject.toml constraints.txt scripts/install.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh scripts/install.sh
	@touch $(SERVED) $@

$(SERVED): pyproject.toml constraints.txt scripts/install.sh
	@TOOLS=none PYTHON=$(PYTHON) VENV=$(VENV) sh scripts/install.sh
	@touch $@

wheel: $(SERVED) ## build dist/*.whl, GraphiQL's assets inside
	@sh scripts/graphiql.sh
	@$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps -w dist .

run: $(SERVED) ## start the demo backends and the gateway on http://127.0.0.1:$(PORT)/graphql
	@sh scripts/system-packages.sh php || true
	@PORT=$(PORT) exec $(BIN)/python -m demo

demo-migration: $(SERVED) ## tell how a field moves from PHP to a service, in five steps
	@sh scripts/system-packages.sh php || true
	@$(BIN)/python -m demo.migration

# Compiled first: where PYTHONDONTWRITEBYTECODE is set, each process that a test starts would compile it anew.
test: $(STAMP) ## run the tests; installs and starts what they need
	@sh scripts/system-packages.sh php php-fpm chromium nginx redis wrk
	@$(BIN)/python -m compileall -q gateway
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -p no:benchmark --reruns 1 -r R $(ARGS)

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

bench: bench-peers ## the benchmark suite: tables, var/bench/latest.json and report.html (10 to 15 minutes)
	@$(BIN)/python -m benchmarks run $(ARGS)
	@$(BIN)/python -m benchmarks scale --into var/bench/latest.json
	@$(BIN)/python -m benchmarks report var/bench/latest.json --html var/bench/report.html --quiet

bench-quick: bench-tools ## the same with few peers (2 minutes)
	@$(BIN)/python -m benchmarks run --quick $(ARGS)
	@$(BIN)/python -m benchmarks report var/bench/latest.json --html var/bench/report.html --quiet

bench-publish: bench ## the same and the targets (35 minutes), written into docs/performance.md and README.md
	@$(BIN)/python -m benchmarks targets --into var/bench/latest.json
	@$(BIN)/python -m benchmarks publish var/bench/latest.json

bench-guard: $(STAMP) ## micro cases against BASE (default HEAD~1), paired; fails beyond -10 %
	@$(BIN)/python -m benchmarks guard $(or $(BASE),HEAD~1) $(ARGS)

profile: bench-tools ## flame graph beside the generated plan: make profile SCENARIO=deep
	@$(BIN)/python -m benchmarks profile $(or $(SCENARIO),posts-and-users) $(ARGS)

bench-tools: $(STAMP)
	@sh scripts/system-packages.sh nginx wrk
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --group bench

bench-peers: bench-tools
	@sh benchmarks/peers/node/install.sh
	@sh benchmarks/peers/glibc.sh

test-openfeature: $(STAMP) ## OpenFeature's and flagd's scenarios: SUITE=folder with checkouts of open-feature/spec and flagd-testbed
	@$(BIN)/python -m tests.flags.gherkin $(SUITE) $(ARGS)

fuzz: $(STAMP) ## random schemas and documents against the reference, until stopped
	@$(BIN)/python -m tests.differential --forever $(ARGS)

fuzz-readings: $(STAMP) ## random answers to connectors, decoded and mapped every way: 200,000, or ARGS="--cases N"
	@$(BIN)/python -m tests.differential.readings $(ARGS)

fuzz-guided: $(STAMP) ## one target under atheris: TARGET=reader|request|negotiation|web-socket|literals SECONDS=600
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt atheris
	@$(BIN)/python -m tests.fuzz $(or $(TARGET),request) --seconds $(or $(SECONDS),600)

soak: $(STAMP) ## minutes of traffic under random faults: SOAK_MINUTES=10
	@sh scripts/system-packages.sh php
	@$(BIN)/python -m tests.soak

lock: $(STAMP) ## write the hashes of what the image installs: deploy/image, at the versions of constraints.txt
	@sh scripts/lock.sh

docs: $(STAMP) ## regenerate what docs/ generates from the code
	@$(BIN)/python -m docs.generate

docs-site: $(STAMP) ## build docs/ into static pages with search: var/site/index.html
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --group docs
	@$(BIN)/python -m docs.generate
	@$(BIN)/python -m docs.site

clean: ## remove what was built and generated
	@rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
