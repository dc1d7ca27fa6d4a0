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

# Shows that are on air in real time come one after another and mostly wait. What computes, and the clone of which the
# last show is made, take what they leave of the machine and never more; what was found is told when they are done.
IDLY   := $(if $(shell chrt --idle 0 true 2>/dev/null && echo yes),chrt --idle 0,nice)
ON_AIR := tests/live tests/broadcast tests/studio/test_shows.py tests/studio/test_pages.py tests/fleet/test_local.py tests/fleet/test_on_ray.py tests/benchmarks/test_soak.py
WHOLE  := tests/test_end_to_end.py tests/studio/test_whole.py
ASIDE  := $(foreach aside,$(ON_AIR) $(WHOLE),--ignore=$(aside))
PYTEST := $(BIN)/python -m pytest

test: weights
	@failed=0; aside=$$(mktemp -d); \
	OMP_NUM_THREADS=1 $(IDLY) $(PYTEST) -n $(WORKERS) --dist loadfile $(ASIDE) >"$$aside/log" 2>&1 & computing=$$!; \
	$(IDLY) $(BIN)/python -m tests.drawn "$$aside" >"$$aside/clone.log" 2>&1 & cloning=$$!; \
	trap 'kill $$computing $$cloning 2>/dev/null; rm -rf "$$aside"' EXIT; trap 'exit 130' INT TERM; \
	$(PYTEST) $(ON_AIR) || failed=1; \
	wait $$computing || failed=1; \
	cat "$$aside/log"; \
	wait $$cloning || cat "$$aside/clone.log"; \
	AVATAR_ENGINE_DRAWN="$$aside" $(PYTEST) $(WHOLE) || failed=1; \
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
	$(BIN)/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bilibili,fleet,ja,pocket,zh]'
	@touch $@

clean:
	rm -rf "$(VENV)" out build dist
