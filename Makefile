# Two commands do everything: `make demo` and `make test`. Both set up what they need first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
DECLARED := src/sagewright_container/algorithms/declared.json
# Trust what the machine trusts, also behind a company's proxy.
export UV_SYSTEM_CERTS ?= true

.PHONY: help setup console demo test lint docs bench load chaos chaos-ray fuzz clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with the sagewright command

$(STAMP): pyproject.toml uv.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.13.8,<0.14"
	$(BIN)/uv sync --frozen --all-groups --compile-bytecode
	$(BIN)/python -m compileall -q src
	touch $(STAMP)

console: ## build the web console into the package, with npm
	@sh console/build.sh

demo: setup ## train on real data, deploy, predict: the main job, end to end
	$(BIN)/sagewright demo

test: setup ## lint, then every test
	@sh tests/run.sh

lint: setup ## ruff, mypy --strict, import contracts, what is made from the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m sagewright_container.algorithms describe | diff $(DECLARED) -
	$(BIN)/python -m sagewright.testing.reference --check docs/reference

docs: setup ## make the reference pages of operations and images anew
	$(BIN)/python -m sagewright_container.algorithms describe >$(DECLARED)
	$(BIN)/python -m sagewright.testing.reference docs/reference

bench: setup ## measure, each figure beside a peer or a limit
	$(BIN)/python -m bench

load: setup ## 500 users (locust) at an endpoint that scales from 1 instance to 4 and back
	$(BIN)/python -m bench autoscaling

fuzz: setup ## send a hundred thousand malformed requests; none may make the server fail
	$(BIN)/python -m pytest tests/fuzz --requests=100000 -rP

chaos: setup ## kill the server at random moments, a hundred times
	$(BIN)/python -m pytest tests/chaos --rounds=100

chaos-ray: setup ## kill nodes of a Ray cluster and replicas on it for ten minutes (MINUTES=…)
	@sh tests/run.sh ray-environment
	PYTHONPATH=src .venvs/ray/bin/python -m pytest tests/chaos/test_nodes.py --minutes=$(or $(MINUTES),10) -rP

clean: ## remove what setup and the tests made here
	rm -rf $(VENV) .venvs .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
