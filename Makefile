# Every target sets up what it needs by itself; `setup` is done again only when a project file changed.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SWIFT ?= swift
CASES ?= 100

.PHONY: setup demo test test-slow campaign test-android test-ios test-web bench lint typing clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pam-edge and its four toolchains (about 2.8 GB, some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,train,bench,dev]'
	@touch $@

demo: setup
	@$(BIN)/pam-edge demo

test: setup lint
	@$(BIN)/pytest -n 2 --dist loadfile

test-slow: setup
	@$(BIN)/pytest -m slow

# Changed files through the command line, CASES of each kind; what should not have happened is kept in campaign/.
campaign: setup
	@$(BIN)/python -m tests.campaign --cases $(CASES)

# The libraries for apps, each with what this machine has for it; what is missing here is said.
test-android:
	@runtimes/android/check.sh

test-ios:
	@SWIFT="$(SWIFT)" runtimes/ios/check.sh

# The web runtime: types, the contract's cases and its own in Node.js, and the page in a real Chromium, with artifacts made
# here. Without Chromium its tests are listed as skipped, with the reason.
test-web:
	@command -v npm >/dev/null || { echo "test-web: not run: no npm here (Node.js 20 or newer has it)"; exit 0; }; \
	$(MAKE) --no-print-directory setup && cd runtimes/web && npm ci --no-audit --no-fund && npm run types && npm test && \
	npm run build && npm run test:browser

bench: setup
	@$(BIN)/python -m tests.bench

lint: setup typing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# Static checkers cannot follow setuptools' folder mapping: they read a tree of links instead.
typing:
	@rm -rf .typing && mkdir -p .typing/pam_edge
	@for f in pam_edge/*; do b=$$(basename $$f); [ $$b = __pycache__ ] || ln -s ../../$$f .typing/pam_edge/$$b; done
	@for d in converters device_profiles runtimes; do ln -s ../../$$d .typing/pam_edge/$$d; done

clean:
	rm -rf $(VENV) .typing build demo runtimes/android/build runtimes/android/tools/node_modules runtimes/web/node_modules \
		runtimes/web/build runtimes/web/dist
