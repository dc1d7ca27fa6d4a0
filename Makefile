# make demo   one minute of video to a live stream, on this machine
# make test   the tests
# make lint   ruff and mypy

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
VENV   ?= .venv
BIN    := $(VENV)/bin
VIDEO  ?=
CONSENT ?=
BUDGET ?= 8m
# More than cores, since many tests wait for other processes. A file's tests stay together, for they share what was fitted.
WORKERS ?= 4
OUT    ?= out/demo

.PHONY: demo test lint env weights clean

demo: weights
	$(BIN)/python scripts/demo.py --out "$(OUT)" --budget "$(BUDGET)" $(if $(VIDEO),--video "$(VIDEO)") $(if $(CONSENT),--consent "$(CONSENT)")

# What computes runs on every core; shows that are on air in real time have the machine to themselves, one after another.
ON_AIR := tests/live tests/broadcast tests/benchmarks/test_soak.py tests/test_end_to_end.py
PYTEST := $(BIN)/python -m pytest

test: weights
	@failed=0; \
	OMP_NUM_THREADS=1 $(PYTEST) -n $(WORKERS) --dist loadfile $(foreach aside,$(ON_AIR),--ignore=$(aside)) || failed=1; \
	$(PYTEST) $(ON_AIR) || failed=1; \
	exit $$failed

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

env: $(VENV)/.ready

weights: env
	$(BIN)/avatar-engine models fetch

$(VENV)/.ready: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	"$(PYTHON)" -m venv "$(VENV)"
	$(BIN)/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bilibili,ja,pocket,zh]'
	@touch $@

clean:
	rm -rf "$(VENV)" out build dist
