# Every target sets up what it needs by itself; `setup` is done again only when a project file changed.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test test-slow test-ios bench lint typing clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pam-edge and its three toolchains (about 2.6 GB, some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,train,bench,dev]'
	@touch $@

demo: setup
	@$(BIN)/pam-edge demo

test: setup lint
	@$(BIN)/pytest -n 2 --dist loadfile

test-slow: setup
	@$(BIN)/pytest -m slow

# Swift is no part of the setup: runtimes/ios/README.md says where to get it. SWIFT may be a command of several words.
SWIFT ?= swift
IOS := --package-path $(CURDIR)/runtimes/ios --scratch-path $(CURDIR)/build/ios
CROSS := $(CURDIR)/build/ios-cross

test-ios:
	@if ! $(SWIFT) --version >/dev/null 2>&1; then \
	  echo "test-ios: not run: '$(SWIFT)' is no Swift toolchain here. runtimes/ios/README.md says how to get one."; \
	elif ! test -x $(BIN)/pam-edge; then \
	  $(SWIFT) build $(IOS) --build-tests && $(SWIFT) test $(IOS) --skip-build && \
	  echo "test-ios: not run: the check against the Python side, which takes 'make setup'."; \
	else \
	  $(BIN)/python -m tests.ios prepare $(CROSS) && $(SWIFT) build $(IOS) --build-tests && \
	  PAM_EDGE_CROSS=$(CROSS) $(SWIFT) test $(IOS) --skip-build && $(BIN)/python -m tests.ios check $(CROSS); \
	fi

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
	rm -rf $(VENV) .typing build demo
