# Two commands matter to a new user: `make demo` and `make test`. The rest is for those who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo setup test test-long mutants fuzz check format bench lock system-packages clean

demo: $(INSTALLED)  ## the demo village on this machine; Ctrl-C stops it
	$(BIN)/mingluo up --demo

setup: $(INSTALLED)  ## everything that runs, in .venv

# Hashes are checked for every package; our own is then linked in place. Kernels are compiled once, here, so that
# the first start is quick.
$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Mingluo needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); .ci/system-packages python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m rules.warm
	$(BIN)/python -m gateway.kernels
	@touch $@

system-packages:  ## real servers and a browser for the tests (Debian; needs root, else the tests that want them skip)
	@.ci/system-packages mosquitto mosquitto-clients chromium openssl nodejs npm g++ victoria-metrics

test: $(INSTALLED) system-packages  ## every test but the long ones
	$(BIN)/pytest -m "not long"

test-long: $(INSTALLED) system-packages  ## the heavy suites
	$(BIN)/pytest -m long

mutants: $(INSTALLED)  ## mutation testing of the kernels: a sample of each module (docs/mutation-testing.md)
	$(BIN)/python -m tests.mutation

fuzz: $(INSTALLED)  ## a million mutated messages: nothing false comes in, and no alarm is lost (docs/fuzzing.md)
	$(BIN)/python -m tests.fuzz --mutations 1000000 --dangers 200000

check: $(INSTALLED)  ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED)  ## every figure that the documentation names
	$(BIN)/mingluo bench engine
	$(BIN)/mingluo bench gateway
	$(BIN)/mingluo bench pipeline
	$(BIN)/mingluo bench history

lock:  ## renew constraints.txt from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --group dev --upgrade --output-file constraints.txt pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
