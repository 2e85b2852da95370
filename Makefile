# One verb each. Needs Node 20.19 or newer, npm and make; everything else comes with `npm ci`.
SHELL := /bin/sh
TSX := node --import tsx
FOLDERS = participant gateway sign-service key-gen cli config scripts test
TESTS = $(shell find $(FOLDERS) -name '*.test.ts' ! -name '*.slow.test.ts' | sort)
SLOW = $(shell find $(FOLDERS) -name '*.slow.test.ts' | sort)

.PHONY: help setup demo test test-slow test-matrix fuzz mutants check format build bench bench-gateway soak-gateway load clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: node_modules/.installed ## install the pinned dependencies

node_modules/.installed: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: build ## key shares, gateway, sign-service and ten signatures on this machine
	@$(TSX) scripts/demo.ts

test: setup ## every test but the slow ones
	@node --import tsx --test --test-concurrency=3 $(TESTS)

test-slow: setup ## what takes minutes: every crash point, hundreds of lying gateways
	@node --import tsx --test --test-concurrency=2 $(filter-out %/timing.slow.test.ts,$(SLOW))
	@node --import tsx --test test/timing.slow.test.ts

test-matrix: setup ## the suites with every engine, with and without workers and pool; ARGS="--only bigint-workers,… --files TEXT,… --list"
	@$(TSX) scripts/matrix.ts $(ARGS)

fuzz: setup ## a minute of random and mutated bytes for every decoder
	@$(TSX) scripts/fuzz.ts

mutants: setup ## disables each check in turn: some test has to fail
	@$(TSX) scripts/mutants.ts

check: setup ## types, lint, format (imports are checked by a test)
	@npx tsc --noEmit -p .
	@npx biome check --error-on-warnings .
	@$(TSX) --test test/imports.test.ts

format: setup ## write the format that check asks for
	@npx biome check --write .

build: setup ## dist/: the library and the four programs
	@npx tsup --silent

bench: setup ## medians of every operation at full size; BASE=ref compares with that commit; ARGS="--only … --runs …"
	@$(TSX) scripts/bench.ts $(if $(BASE),--base $(BASE)) $(ARGS)

bench-gateway: setup ## the gateway against bare node:http and nginx + nchan; ARGS="--runs … --only … --json … | --markdown FILE"
	@$(TSX) scripts/bench-gateway.ts $(ARGS)

soak-gateway: setup ## 2 million deliveries with reconnects, slow readers and kills; ARGS="--deliveries … --store memory|redis"
	@$(TSX) scripts/soak-gateway.ts $(ARGS)

load: setup ## sign-service at 20 signatures a second with kills, then hostile requests; ARGS="--minutes … --hostile … --json FILE"
	@$(TSX) scripts/load-service.ts $(ARGS)

clean: ## what make made
	@rm -rf dist node_modules
