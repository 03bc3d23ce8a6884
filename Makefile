.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
STACK_ENV ?= dev

.PHONY: help install check test soak test-browser demo connect verify-hubspot bench build deploy secret lock clean

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Install the pinned dependencies into .venv

$(VENV)/.installed: requirements/dev.txt requirements/emulator.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; this is %d.%d. Name another with: make PYTHON=python3.13 ..." % sys.version_info[:2])'
	@echo "Installing the pinned dependencies into $(VENV) (about half a minute, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt -r requirements/emulator.txt
	@touch $@

check: install ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: install ## Run the unit, integration and e2e tests (sized for two cores)
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(if $(ARGS),$(ARGS),-m "not soak and not alone")
	$(if $(ARGS),,$(BIN)/pytest -m alone)

soak: install ## Kill workers for five minutes over 2,000 accounts, then misconfigure as many (SOAK_SEED=number repeats the random choices)
	$(BIN)/pytest -m soak $(ARGS)

test-browser: install $(VENV)/.installed-browser ## Test the installs in a real browser (SCREENSHOTS=folder keeps pictures)
	@command -v chromium >/dev/null || { echo "Chromium is missing: apt-get install chromium (Debian's; no other download is needed)" >&2; exit 1; }
	$(BIN)/pytest tests/browser $(ARGS)

$(VENV)/.installed-browser: requirements/browser.txt $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.txt
	@touch $@

demo: install ## Run the whole product on this machine, with a HubSpot simulator
	@exec $(BIN)/python -m local $(ARGS)

connect: install ## Run the whole product on this machine against the real HubSpot, with your own app
	@exec $(BIN)/python -m local connect $(ARGS)

verify-hubspot: install ## Check the simulator's assumptions against the real HubSpot
	@exec $(BIN)/python -m local verify $(ARGS)

build: install ## Build the functions and the layer as they are deployed
	@exec $(BIN)/python -m ops build $(ARGS)

deploy: install ## Deploy to AWS (STACK_ENV=dev or prod, HSMETA=path to app-hsmeta.json)
	@exec $(BIN)/python -m ops deploy --config-env $(STACK_ENV) $(if $(HSMETA),--hsmeta "$(HSMETA)") $(ARGS)

secret: install ## Set the HubSpot client secret of a deployed stack
	@exec $(BIN)/python -m ops secret --config-env $(STACK_ENV) $(ARGS)

bench: install ## Measure, and write docs/benchmarks.md
	@PYTHONPATH=layers/shared exec $(BIN)/python -m tests.bench

lock: ## Pin every dependency anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate --group local --group test --group lint --group browser --group emulator pyproject.toml -o requirements/constraints.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/constraints.txt pyproject.toml -o layers/shared/requirements.txt
	echo requests | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/constraints.txt - -o layers/client/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/constraints.txt --group test --group lint pyproject.toml -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/constraints.txt --group emulator pyproject.toml -o requirements/emulator.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/constraints.txt --group browser pyproject.toml -o requirements/browser.txt
	rm requirements/constraints.txt

clean: ## Remove what was built and installed
	rm -rf $(VENV) .aws-sam .local
