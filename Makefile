# make demo | run | test: each makes .venv, installs what it needs and goes. Everything else is
# listed by `make help`. Only relative paths are used, so that a space in the checkout's is fine.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first Python that is new enough; name another one with make PYTHON=/path/to/python3.12.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done)
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Half of what a test does is to wait: three at a time keep two cores busy. Whoever is done takes
# over from the others, and none of them needs a thread for each core.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --dist worksteal

# pip's isolated build environment takes its constraints from here, by one name or the other.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt

.PHONY: help demo run test lint faults fuzz bench wheel clean

help:
	@echo 'make demo     the console with a built-in scenario; needs no network once installed'
	@echo 'make run      the console on RIS Live'
	@echo 'make test     linters, types, layers and the whole test suite'
	@echo 'make lint     the same without the tests'
	@echo 'make faults   kills, outages and long runs'
	@echo 'make fuzz     ten minutes of hostile input'
	@echo 'make bench    ingest from socket to rows, and the console beside it; five minutes'
	@echo 'make wheel    dist/bgptui-*.whl'
	@echo 'make clean    removes .venv, dist and caches'
	@echo 'ARGS="..." is passed on to bgptui, pytest or the benchmark'

demo: .venv/installed
	@$(BIN)/bgptui --demo $(ARGS)

run: .venv/installed
	@$(BIN)/bgptui $(ARGS)

test: lint
	$(PYTEST) -n 3 -m 'not faults and not fuzz' $(ARGS)

lint: .venv/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Hardly anything but waiting.
faults: .venv/installed-for-tests
	$(PYTEST) -n 4 -m faults $(ARGS)

fuzz: .venv/installed-for-fuzzing
	$(BIN)/pytest -m fuzz $(ARGS)

bench: .venv/installed
	$(BIN)/python -m benchmarks.ingest $(ARGS)

wheel: .venv/created
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps stand in .venv, so that removing it starts afresh.
.venv/created:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'bgptui needs Python 3.11 or newer ($(or $(PYTHON),python3) is not):' \
			'make PYTHON=/path/to/python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) cannot make virtual environments; on Debian and Ubuntu:' \
			'apt-get install python3-venv' >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/created pyproject.toml constraints.txt
	@echo 'Installing into .venv; this takes a minute, once'
	@$(PIP) install --quiet -e . -c constraints.txt
	@touch $@

.venv/installed-for-tests: .venv/created pyproject.toml constraints.txt
	@echo 'Installing into .venv, with what the tests need; this takes a minute, once'
	@$(PIP) install --quiet -e '.[test]' -c constraints.txt
	@touch .venv/installed $@

.venv/installed-for-fuzzing: .venv/installed-for-tests
	@$(PIP) install --quiet -e '.[test,fuzz]' -c constraints.txt
	@touch $@
