# make train    train Breakout on this machine's processor, evaluate it, and write run folder, replay and video
# make test     run every test, on all cores
# make lint     check formatting, types and imports; `make format` fixes formatting
# make docs     build the documentation site into build/site
# make web      build the pages that play, watch and train in a browser into web/dist
# make wheel    build the sdist, and the wheel from it, into dist/
# make clean    remove everything these made, except your runs
#
# Everything is installed into .venv, once. After that, edit what you like: Python needs no rebuild, and a changed C or
# Cython file is rebuilt by the next import. Extra arguments go in ARGS: make test ARGS="tests/engine -x".

SHELL := /bin/sh
# Tests start hundreds of processes: what these import is compiled once.
unexport PYTHONDONTWRITEBYTECODE
VENV ?= .venv
PYTHON ?=
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install -c constraints.txt
# Rebuilding on import needs the build tools in the environment itself, hence no isolation. It doubles the time an import
# takes; where nothing will be edited, switch it off.
REBUILD ?= true
INSTALL_CHECKOUT := $(INSTALL) --no-build-isolation -C editable.rebuild=$(REBUILD)
# Rebuilding calls `cmake`: find it in the environment too, which may not be activated.
TOOLS_ON_PATH := import os, sys; os.environ["PATH"] = os.pathsep.join(dict.fromkeys( \
    [os.path.join(sys.prefix, "bin"), *os.environ.get("PATH", os.defpath).split(os.pathsep)]))
C_SOURCES = $(wildcard c/*.h c/*.c c/envs/*.h c/learn/*.h c/learn/*.c c/draw/*.h c/draw/*.c c/draw/envs/*.h web/c/*.h web/c/*.c tests/c/*.h tests/c/*.c tests/fuzz/*.c src/puffer_envs/templates/*/*.h)

.PHONY: help train test test-side test-alone lint lint-python lint-types lint-c lint-cython lint-imports lint-project lint-workflows lint-commits format docs web wheel clean

help:
	@sed -n 's/^# //; /^make /p; /^$$/q' Makefile

train: $(VENV)/installed-train
	$(BIN)/puffer-train breakout $(ARGS)
	@echo 'The commands are in $(BIN); ". $(BIN)/activate" puts them on your PATH.'

# Two parts: whole files side by side (how many, tests/conftest.py says); then what measures time, with nothing beside it.
TEST_SIDE = $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not alone"
TEST_ALONE = $(BIN)/python -m pytest -m alone $$(grep -rl "pytest.mark.alone" tests --include="test_*.py")

test: $(VENV)/installed-test
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@status=0; set -x; $(TEST_SIDE) || status=1; $(TEST_ALONE) || status=1; exit $$status
endif

test-side: $(VENV)/installed-test
	$(TEST_SIDE)

test-alone: $(VENV)/installed-test
	$(TEST_ALONE)

# --- installing: each of these stamp files records an installation ---

$(VENV)/created:
	@command -v "$${CC:-cc}" >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || \
	    { echo "make: there is no C compiler; install one (Debian: apt install gcc, macOS: xcode-select --install)" >&2; exit 1; }
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "$$python -m venv $(VENV)"; \
	        "$$python" -m venv --upgrade-deps $(VENV) && touch $@ && exit; \
	    fi; \
	done; \
	echo "make: no $(or $(PYTHON),python3) here is Python 3.11 or newer with venv; name one: make PYTHON=/path/to/python" >&2; exit 1

$(VENV)/installed-build: $(VENV)/created pyproject.toml constraints.txt
	$(INSTALL) --group build
	@printf '%s\n' '$(TOOLS_ON_PATH)' > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/build-tools.pth"
	@touch $@

$(VENV)/installed-train: $(VENV)/installed-build
	$(INSTALL_CHECKOUT) -e ".[all]"
	@touch $@

$(VENV)/installed-test: $(VENV)/installed-build
	$(INSTALL_CHECKOUT) -e ".[test]"
	@touch $@ $(VENV)/installed-train

$(VENV)/installed-lint: $(VENV)/installed-test
	$(INSTALL) --group lint
	@touch $@

$(VENV)/installed-dist: $(VENV)/created pyproject.toml constraints.txt
	$(INSTALL) --group dist
	@touch $@

$(VENV)/installed-docs: $(VENV)/created pyproject.toml constraints.txt
	$(INSTALL) --group docs
	@touch $@

# --- checking: `make -k lint` continues after the first fault ---

lint: lint-python lint-types lint-c lint-cython lint-imports lint-project lint-workflows lint-commits

lint-python: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: $(VENV)/installed-lint
	$(BIN)/mypy
	$(BIN)/python -m pytest -q --slow tests/docs/test_pages.py -k type_checker

lint-c: $(VENV)/installed-lint
	$(BIN)/clang-format --dry-run -Werror $(C_SOURCES)

lint-cython: $(VENV)/installed-lint
	PATH="$(abspath $(BIN)):$$PATH" cython-lint cython

lint-imports: $(VENV)/installed-lint
	$(BIN)/lint-imports

lint-project: $(VENV)/installed-lint
	$(BIN)/validate-pyproject pyproject.toml

lint-workflows: $(VENV)/installed-lint
	$(BIN)/zizmor --quiet --offline .github/workflows

lint-commits: $(VENV)/created
	$(BIN)/python .ci/check_commits.py

format: $(VENV)/installed-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_SOURCES)

# --- documentation: read from the sources, so only MkDocs has to be installed ---

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo 'The site is in build/site; to read it: $(BIN)/python -m http.server --directory build/site'

# --- pages for browsers: compiled by the C compiler in the ziglang wheel ---

$(VENV)/installed-web: $(VENV)/installed-train
	$(INSTALL) "ziglang>=0.16"
	@touch $@

web: $(VENV)/installed-web
	$(BIN)/python web/build.py $(ARGS)

# --- packaging ---

wheel: $(VENV)/installed-dist web
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m build --wheel --outdir dist web
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) build dist web/dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src render tests web .ci -name __pycache__ -type d -prune -exec rm -rf {} +
