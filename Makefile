# Two targets for people: `make demo` and `make test`. All they need is Python >= 3.11 and the network for packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test format docs bench clean

demo: $(READY)  ## a dev agent, data, DNS, a rendered template, a child of envconsul, a watch; KEEP=1 leaves it running
	@$(BIN)/python scripts/demo.py

test: $(READY)  ## everything a change must pass
	@$(BIN)/python scripts/check.py

format: $(READY)
	$(BIN)/ruff check --fix core tools tests scripts bench fuzz examples
	$(BIN)/ruff format core tools tests scripts bench fuzz examples

docs: $(READY)  ## rewrite the pages that are made from the registries
	$(BIN)/python scripts/reference_config.py
	$(BIN)/python scripts/reference_cli.py
	$(BIN)/python scripts/reference_http.py
	$(BIN)/python scripts/reference_discover.py

bench: $(READY)
	$(BIN)/python bench/run.py

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s" % sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), which takes about a minute ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info
