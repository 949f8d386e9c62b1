# `make demo` and `make test` are the two commands; each builds what it needs.
PYTHON ?= python3
VENV := .venv
# A further package index for torch, e.g. TORCH_INDEX=https://download.pytorch.org/whl/cpu (README, "CPU or CUDA").
TORCH_INDEX ?=
PIP_FLAGS := --quiet --disable-pip-version-check --constraint constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
RAG := $(BIN)/rag
# Two processes of tests, one thread each: what they start (models, writers that are killed) would crowd more out.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadscope --cov=rag --cov-branch --cov-report=term:skip-covered
DEMO_INDEX := indexes/demo

.PHONY: help setup demo test test-all check format bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      install, fetch the built-in models, ingest corpora/handbook, ask four questions"
	@echo "make test      format, lint, types and the tests (make test-all: the slow ones and those of the extras too)"
	@echo "make check     format, lint and types alone       make format   let ruff mend what it can"
	@echo "make bench     retrieval, answers and speed measured anew (docs/decisions.md names the script of every figure)"

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rag needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(PIP_FLAGS) --upgrade pip
	@$(BIN)/python -m pip install $(PIP_FLAGS) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install $(PIP_FLAGS) --editable '.[dev]'
	@touch $@

$(VENV)/.installed-extras: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install $(PIP_FLAGS) --editable '.[dev,ocr,gguf,adapters,gpu]'
	@touch $@

setup: $(VENV)/.installed-dev

demo: $(VENV)/.installed
	$(RAG) models pull
	$(RAG) ingest corpora/handbook/documents --index $(DEMO_INDEX)
	$(RAG) ask --index $(DEMO_INDEX) "Why did the board turn down the used catamaran?"
	$(RAG) ask --index $(DEMO_INDEX) "海棠-7给链条加的是哪种润滑油？"
	$(RAG) ask --index $(DEMO_INDEX) "出差报销单超过多少天提交就会被拒绝？"
	$(RAG) ask --index $(DEMO_INDEX) "Who won the football world cup in 1998?"

models: $(VENV)/.installed
	@$(RAG) models pull

# Property tests draw the same examples each time here, and others each time in test-all.
test: setup models check
	@$(PYTEST) -m "not slow" --hypothesis-profile=ci

test-all: $(VENV)/.installed-extras models check
	@$(PYTEST)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup models
	@$(BIN)/python benchmarks/retrieval.py
	@$(BIN)/python benchmarks/handbook.py
	@$(BIN)/python benchmarks/embedding.py
	@$(BIN)/python benchmarks/latency.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
