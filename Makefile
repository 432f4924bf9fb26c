PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.runtime
DEV_STAMP := $(VENV)/.dev
KILLS ?= 40
JOBS ?= 3
SEED ?= 1
SERVERS ?= 50
WAVES ?= 5
INTERRUPTS ?= 10

# The same sources are started hundreds of times, and to compile them takes a third of the start of a service.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run up down status test lint bench chaos drill docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11"; exit 3; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Python packages ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.lock
	@echo "Installing test packages ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(STAMP) ## Move a live database on real servers, then roll another move back (WHIMBREL_ONCE=1: stop afterwards)
	@$(BIN)/python -m libs.cli.demo

up: $(STAMP) ## Start Kafka, PostgreSQL, the schema registry and the six services
	@$(BIN)/whimbrel up

down: $(STAMP) ## Stop them; the data stays
	@$(BIN)/whimbrel down

status: $(STAMP) ## Say what runs
	@$(BIN)/whimbrel status

lint: $(DEV_STAMP) ## Check style, types and the direction of imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint ## Run every test on real servers (JOBS=n: so many at once)
	@$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

bench: $(STAMP) ## Measure; ONLY=lifecycle,loop picks (one JSON line each)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

chaos: $(STAMP) ## Kill services and servers under load and count what went wrong (KILLS=n SEED=n)
	@$(BIN)/python -m libs.testing.chaos --kills $(KILLS) --seed $(SEED)

drill: $(STAMP) ## Move a fleet in waves on a stand-in cloud, interrupt everything, and judge the log (SERVERS=n WAVES=n INTERRUPTS=n SEED=n)
	@$(BIN)/python -m libs.testing.drill --servers $(SERVERS) --waves $(WAVES) --interrupts $(INTERRUPTS) --seed $(SEED)

docs: $(STAMP) ## Write the pages and contract files that derive from code
	@$(BIN)/python -m libs.testing.pages
	@$(BIN)/python -m libs.contracts.asyncapi
	@$(BIN)/python -m libs.edge.publish
	@$(BIN)/python -m libs.cli.reference

clean: ## Remove the virtual environment and caches, not the data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
