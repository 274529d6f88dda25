# One environment for everything: .venv, made from constraints.txt. Nothing is fetched once it exists.
PYTHON ?= python3
# CPU=1: PyTorch without CUDA libraries. Its version ends in +cpu, which pip takes for newer than the same one without.
TORCH := $(if $(CPU),--extra-index-url https://download.pytorch.org/whl/cpu)
BIN := .venv/bin

LINT := .venv-lint/bin
SUPPLY := .venv-supply/bin

.PHONY: demo test test-slow chaos fuzz mutants lint docs format lock sbom audit clean

demo: .venv/installed        ## restore a generated clip, and print where the result is
	$(BIN)/reelmend demo --out demo-out

test: .venv/ready            ## the suite, without its slow tests; the engine's loops are compiled first, once for all test processes
	$(BIN)/python -m reelmend.core_model.propagation.warm_up
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: .venv/ready       ## what `make test` leaves out: lost machines, whole nights, bare environments; CI runs both
	$(BIN)/python -m reelmend.core_model.propagation.warm_up
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m slow

chaos: .venv/ready           ## a few hundred clips, storage faults, killed processes: 15 minutes; CHAOS="--seed 2" for another
	$(BIN)/python -m tests.chaos.campaign $(CHAOS)
	$(BIN)/python -m tests.chaos.away

fuzz: .venv/ready            ## hostile files for ten minutes; FUZZ="--minutes 60 --seed 2" for others
	$(BIN)/python -m tests.fuzz.campaign $(FUZZ)

mutants: .venv/ready         ## faults planted one at a time: do the tests notice? MUTANTS="--seed 2 --count 30"; --count 0: all
	$(BIN)/python -m tests.mutants.campaign $(MUTANTS)

lint: .venv/ready .venv-lint/ready   ## style, types, layers; the image and, where kubectl is, the manifests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(LINT)/hadolint deploy/Dockerfile
	$(BIN)/python deploy/check_overlays.py $(LINT)/checkov

docs: .venv/ready            ## the documentation site, in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: .venv/ready          ## rewrite the sources in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The image is for one platform; its lock has the digest of every file of every dependency.
lock: .venv/ready .venv-supply/ready ## record the versions that are installed now, and the digests of what the image installs
	$(BIN)/pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//' > constraints.txt
	($(BIN)/python deploy/dependencies.py; grep '^setuptools==' constraints.txt) | $(SUPPLY)/uv pip compile --quiet --no-config \
		--generate-hashes --no-annotate --no-header --python-version 3.12 --python-platform x86_64-manylinux_2_39 \
		-c constraints.txt -o deploy/requirements.lock -
	$(SUPPLY)/uv pip compile --quiet --no-config --no-deps --generate-hashes --no-annotate --no-header --python-version 3.12 \
		--python-platform x86_64-manylinux_2_39 -c constraints.txt -o deploy/gpu.lock deploy/gpu.in

sbom: .venv-supply/ready     ## what the image installs, as CycloneDX, in sbom.json
	$(SUPPLY)/cyclonedx-py requirements deploy/requirements.lock --output-reproducible -o sbom.json

audit: .venv-supply/ready    ## known vulnerabilities of what the image installs; needs the network
	$(SUPPLY)/pip-audit --requirement deploy/requirements.lock --disable-pip --require-hashes

clean:                       ## remove the environment and what the demo wrote
	rm -rf .venv .venv-lint .venv-supply demo-out site sbom.json

# What a user needs; then what developers need besides.
.venv/installed: constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH) -c constraints.txt -e .
	touch $@

.venv/ready: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH) -c constraints.txt -e '.[dev]'
	touch $@

.venv-lint/ready .venv-supply/ready: .venv-%/ready: deploy/requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@
