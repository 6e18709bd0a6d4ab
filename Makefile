# Cameron's commands: `make help` lists them.
# Everything is installed into .venv; PYTHON=/path/to/python3.12 chooses the Python that it is made with.

VENV := .venv
# Tests mostly wait: for a lease, a retry, a Redis that comes back.
WORKERS ?= 3
DEVELOPMENT := $(VENV)/.installed-for-development
PRODUCTION := $(VENV)/.installed-for-production
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
SOURCES := $(shell find cameron -name '*.py' -o -name '*.lua')

# Sets $$python. A candidate must run, be new enough and bring venv and pip: a name on the PATH alone promises nothing.
define find_python
old=; bare=; python=; \
for candidate in $(or $(PYTHON),python3 python3.12 python3.11); do \
	"$$candidate" -c 'pass' 2>/dev/null || continue; \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { old="$$old $$candidate"; continue; }; \
	"$$candidate" -c 'import venv, ensurepip' 2>/dev/null || { bare="$$bare $$candidate"; continue; }; \
	python=$$candidate; break; \
done; \
if [ -z "$$python" ]; then \
	echo "Cameron needs Python 3.11 or later with venv and pip; tried: $(or $(PYTHON),python3 python3.12 python3.11)." >&2; \
	[ -z "$$old" ] || echo "Too old:$$old." >&2; \
	[ -z "$$bare" ] || echo "Without venv or pip:$$bare. On Debian and Ubuntu: apt install python3-venv" >&2; \
	echo "Install one, or name one: make PYTHON=/path/to/python3.12" >&2; \
	exit 1; \
fi
endef

NO_INSTALL := { echo "The installation failed (see above; it needs a network or a pip mirror). To begin afresh: make clean && make" >&2; exit 1; }

.PHONY: development
development: $(DEVELOPMENT)  ## (plain `make`) install for development into .venv
	@:

.PHONY: compile_test
compile_test: $(DEVELOPMENT)  ## install for test, test modules included
	@:

.PHONY: compile_prod
compile_prod: $(PRODUCTION)  ## install for production: a copy of the package, no test modules
	@:

$(DEVELOPMENT): setup.cfg pyproject.toml
	@if ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then $(find_python); \
		echo "Making $(VENV) with $$($$python --version) ..."; $$python -m venv --clear $(VENV); fi
	@echo "Installing Cameron and its packages ..."
	@rm -f $(PRODUCTION)
	@$(PIP) install --editable '.[dev]' || $(NO_INSTALL)
	@touch $@
	@echo "Done. Start it: make run_dev    All commands: make help"

# A fresh .venv if the one there holds the test modules. `build` must not be there: setuptools would install what lies in it.
$(PRODUCTION): setup.cfg pyproject.toml $(SOURCES)
	@if [ -e $(DEVELOPMENT) ] || ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then $(find_python); \
		echo "Making $(VENV) with $$($$python --version) ..."; $$python -m venv --clear $(VENV); fi
	@echo "Installing Cameron and its packages ..."
	@rm -rf build
	@$(PIP) install . || $(NO_INSTALL)
	@rm -rf build
	@touch $@
	@echo "Done. Start it: make run"

$(VENV)/bin/cameron:
	@$(MAKE) --no-print-directory compile_prod

.PHONY: run_dev
run_dev: development  ## run for development, on port 8080
	@$(VENV)/bin/cameron serve --env development

.PHONY: run_test
run_test: compile_test  ## run for test, on port 8008
	@$(VENV)/bin/cameron serve --env test

.PHONY: run
run: $(VENV)/bin/cameron  ## run for production, on port 8001
	@$(VENV)/bin/cameron serve --env production

.PHONY: run_text_services
run_text_services: development  ## run machinery's three sample services, on port 9393
	@./test/text_services/bin/run

.PHONY: test
test: compile_test  ## run the tests, three files at a time; ARGS="-k name" chooses some
	@$(VENV)/bin/pytest -n $(WORKERS) --dist loadfile $(ARGS)

.PHONY: lint
lint: development  ## check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy cameron

.PHONY: demo
demo: development  ## see it at work: starts all it needs, runs a foo job, stops
	@$(VENV)/bin/python test/demo.py

.PHONY: bench
bench: development  ## measure it on this machine
	@$(VENV)/bin/python test/benchmark/bench.py

.PHONY: bench_scale
bench_scale: development  ## and at its limits: calls in flight, jobs that wait, a full Redis; half an hour, and 15 GB of memory
	@for scenario in accepting many_tasks in_flight two_nodes waiting flat_cost; do $(VENV)/bin/python test/benchmark/$$scenario.py || exit 1; done

.PHONY: chart
chart: development  ## draw docs/speed.svg from the last `make bench`
	@$(VENV)/bin/python test/benchmark/chart.py

.PHONY: soak
soak: compile_test  ## the tests at full size: long, and it takes the whole machine
	@CAMERON_SOAK=1 $(VENV)/bin/pytest $(ARGS)

.PHONY: clean
clean:  ## remove .venv and everything built; var/ (the embedded Redis's data) stays
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find cameron test -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z_]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile
