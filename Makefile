# One environment for everything: .venv, made from constraints.txt. Nothing is fetched once it is there.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test chaos fuzz lint docs format lock clean

demo: .venv/ready            ## restore a clip that the demo makes itself; prints where the result is
	$(BIN)/reelmend demo --out demo-out

test: .venv/ready            ## the whole suite; the engine's loops are compiled first, once, not by each test's process
	$(BIN)/python -m core_model.propagation.warm_up
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

chaos: .venv/ready           ## a few hundred clips, a store that fails, a killer about: 15 minutes; CHAOS="--seed 2" for another
	$(BIN)/python tests/chaos/campaign.py $(CHAOS)
	$(BIN)/python tests/chaos/away.py

fuzz: .venv/ready            ## hostile files for ten minutes; FUZZ="--minutes 60 --seed 2" for others
	$(BIN)/python tests/fuzz/campaign.py $(FUZZ)

lint: .venv/ready            ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/ready            ## the documentation as pages, in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: .venv/ready          ## rewrite the sources in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/ready            ## record the versions that are installed now
	$(BIN)/pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:                       ## remove the environment and what the demo wrote
	rm -rf .venv demo-out site

.venv/ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
