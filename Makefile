# Every target sets itself up: .venv is made on first use, and again when the lock changes.
.DEFAULT_GOAL := help
BIN := .venv/bin
# Tests start many programs: each would compile all that it imports.
PARALLEL = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder

.PHONY: help setup setup-run run init test quick interop soak valkey bench mutate check format dist docs install-times screenshots lock

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv (the others do it themselves)
	@scripts/setup

setup-run: # What run and init need: no tests, no linters
	@scripts/setup run

run: setup-run ## Start both services; ARGS="--auth-port 9100" and so on
	@exec $(BIN)/doorward up $(ARGS)

init: setup-run ## Write a .env with fresh secrets for docker compose
	@$(BIN)/doorward init $(ARGS)

test: setup ## Run every test the machine can run; ARGS="-k refresh" runs some
	@$(PARALLEL) $(ARGS)

quick: setup ## Run all but what is long, or needs browsers, containers or programs of others
	@$(PARALLEL) --quick -rfE $(ARGS)

interop: setup ## Run real clients against it: FastMCP, TypeScript SDKs, mcp-remote, Inspector, conformance
	@$(BIN)/python -m pytest tests/interop $(ARGS)

soak: setup ## Run what the others cut short at its full length: load, malformed input, revocations
	@DOORWARD_SOAK_SESSIONS=200 DOORWARD_SOAK_S=60 DOORWARD_SOAK_MALFORMED=100000 DOORWARD_SOAK_REVOCATIONS=500 \
	  DOORWARD_SOAK_JSON_TEXT=20000 DOORWARD_SOAK_URLS=500000 \
	  DOORWARD_SOAK_URIS=200000 DOORWARD_SOAK_NAMES=200000 DOORWARD_SOAK_BODIES=100000 DOORWARD_SOAK_HEADS=10000 \
	  DOORWARD_SOAK_JOURNAL_CHANGES=10000 DOORWARD_SOAK_STREAMS=100 DOORWARD_SOAK_DISGUISES=2000 \
	  DOORWARD_SOAK_FAULTS=10 DOORWARD_SOAK_SEEDS=1000 DOORWARD_SOAK_FORGOTTEN=356 \
	  DOORWARD_SOAK_FLOOD_S=120 DOORWARD_SOAK_LOGINS=500 DOORWARD_SOAK_HISTORIES=2000 DOORWARD_SOAK_CALLS=10000 \
	  DOORWARD_SOAK_REGISTRATIONS=1000000 DOORWARD_SOAK_FLOOD_REQUESTS=2000 DOORWARD_SOAK_WEEK=20 \
	  DOORWARD_SOAK_ACCOUNTS=200 \
	  $(BIN)/python -m pytest -s --timeout 7200 tests/gateway/test_soak.py tests/e2e/test_revocations.py \
	  tests/attacks/test_sec_17_malformed_input.py tests/attacks/test_sec_17_json_text.py \
	  tests/resource_service/policy/test_uris.py tests/auth_service/protocol/test_web_addresses.py \
	  tests/resource_service/messages/test_differential.py tests/gateway/test_heads.py \
	  tests/gateway/test_revoked_streams.py tests/gateway/test_disguises.py tests/attacks/test_flood.py tests/faults tests/floods tests/simulation \
	  tests/attacks/test_sec_16_login_time.py tests/shared/journal tests/interop/libraries/test_connected_accounts.py \
	  tests/compose/test_sentinel.py $(ARGS)

valkey: setup ## Run the tests of the store, its faults and the simulated week on Valkey instead of Redis
	@DOORWARD_TEST_REDIS_SERVER=$$(scripts/valkey) $(BIN)/python -m pytest -s -n 0 --timeout 7200 tests/storage tests/faults \
	  tests/simulation/test_week.py $(ARGS)

bench: setup ## Measure the hot paths against reading one key; ARGS="--seconds 2 --rounds 9" for longer
	@$(BIN)/python -m bench $(ARGS)

mutate: setup ## Mutate modules and run their unit tests; ARGS="auth_service/protocol" for some of them
	@$(BIN)/python scripts/mutate.py $(ARGS)

check: setup ## Lint, format, types, locks, reason codes, translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/check_locks.py
	$(BIN)/python scripts/document_reasons.py --check
	$(BIN)/python scripts/messages.py --check

format: setup ## Let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python scripts/document_reasons.py
	$(BIN)/python scripts/messages.py

dist: setup ## Build wheel, source archive, SBOM and checksums in dist/
	@scripts/dist

docs: ## Build the documentation as a site in .docs/site; every link must lead somewhere
	@scripts/docs

install-times: setup ## Install in each way in an empty environment, call a tool, print the times; ARGS="make pip" for some
	@$(BIN)/python -m tests.install.times $(ARGS)

screenshots: setup ## Take the pictures of the documentation again, in Chromium
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

lock: setup ## Resolve the locks again from pyproject.toml; ARGS=--upgrade takes newer versions
	scripts/lock $(ARGS)
