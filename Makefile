# Bedside: `make run` on a fresh machine needs Go, a C compiler, Python 3.11 or later, and make.
SHELL := bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DEMO ?= testdata/records/sepsis-icu.fhir.json
FUZZTIME ?=
BENCH ?= .
PKG ?= ./...
SCENARIO ?= embed
ADDR ?= 127.0.0.1:8001
CONCURRENCY ?= 32
DURATION ?= 30s
RECORD ?= testdata/records/minimal.fhir.json
SIZE ?= tiny
CORPUS ?=
SOAK ?= 30m
CASES ?= 1000000
QUICK ?=
RIVALS ?=
BASE ?= main
COUNT ?= 6

# The set-up knows where the models and ONNX Runtime lie; tests, benchmarks and the server are told by environment.
with_env = env="$$($(PYTHON) scripts/setup.py --print-env)" && eval "$$env"

.PHONY: help
help: ## Show this list
	@echo 'Bedside, language models over medical-device data. Targets:'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r name text; do printf '  make %-14s %s\n' "$${name// /}" "$$text"; done
	@echo 'Variables: PYTHON, GO, CC, BEDSIDE_CACHE (where models and libraries are kept), DEMO (record for make run),'
	@echo '  FUZZTIME (time for each fuzzer, such as 5m), BENCH and PKG (which benchmarks, in which packages),'
	@echo '  SCENARIO, ADDR, CONCURRENCY, DURATION and RECORD (what make load sends, where to, and for how long),'
	@echo '  CASES and SEED (how many requests make fuzz-rpc makes, and which),'
	@echo '  SIZE and CORPUS (what make train trains, and on what; without a corpus, on made-up readings).'

.PHONY: prerequisites
prerequisites:
	@GO='$(GO)' PYTHON='$(PYTHON)' bash scripts/prerequisites.sh

.PHONY: setup
setup: prerequisites ## Fetch Python packages, ONNX Runtime and the model; export the model (once)
	@$(PYTHON) scripts/setup.py

.PHONY: build
build: prerequisites ## Build bin/bedside
	$(GO) build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/bedside ./cmd/bedside

.PHONY: beam
beam: prerequisites ## Build bin/bedside-beam, which prepares cohorts on clusters (fetches Apache Beam)
	cd cmd/bedside-beam && $(GO) build -trimpath -buildvcs=false -o ../../bin/bedside-beam .

.PHONY: run
run: setup build ## Set up, start the server, print the analysis of a sample patient, stay up until Ctrl-C
	@$(with_env) && exec bin/bedside serve --demo $(DEMO) --demo-report .build/report

.PHONY: test
test: prerequisites ## Set up, then run every test: fuzzers, Go (with the race detector where things run at once), Python, clients
	@GO='$(GO)' PYTHON='$(PYTHON)' FUZZTIME='$(FUZZTIME)' exec bash scripts/test.sh all

.PHONY: fuzz
fuzz: setup ## Run the fuzzers alone, FUZZTIME each
	@$(with_env) && GO='$(GO)' FUZZTIME='$(FUZZTIME)' exec bash scripts/test.sh fuzz

# With PKG or BENCH given, `make bench` runs Go benchmarks; alone, it measures against the rivals.
go_benchmarks = $(filter-out file,$(origin BENCH) $(origin PKG))

.PHONY: bench
bench: setup build ## Measure against other engines and write docs/benchmarks.md (QUICK=1: 5 minutes, no docs); with PKG or BENCH, run Go benchmarks
	@$(with_env) && $(if $(go_benchmarks),exec $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(PKG),\
	  GO='$(GO)' exec $(PYTHON) -m scripts.bench.rivals $(if $(QUICK),--quick,--docs) $(RIVALS))

.PHONY: bench-rivals
bench-rivals: setup build ## Measure against other engines, write no docs (RIVALS='--threads 1 --cpus 1 --quick'; --help lists all)
	@$(with_env) && GO='$(GO)' exec $(PYTHON) -m scripts.bench.rivals $(if $(QUICK),--quick) $(RIVALS)

.PHONY: bench-compare
bench-compare: setup build ## Compare Go benchmarks with those of another revision (BASE=main BENCH=pattern PKG=packages COUNT=6)
	@$(with_env) && GO='$(GO)' exec bash scripts/bench/revisions.sh '$(BASE)' '$(BENCH)' '$(COUNT)' $(PKG)

.PHONY: load
load: prerequisites ## Drive a running server (SCENARIO=embed, infer, generate or summarize)
	@GO='$(GO)' PYTHON='$(PYTHON)' RECORD='$(RECORD)' bash scripts/load/load.sh '$(SCENARIO)' '$(ADDR)' '$(CONCURRENCY)' '$(DURATION)'

.PHONY: overload
overload: setup build ## Send a server three times what it can do, and report what becomes of it (6 minutes)
	@$(with_env) && $(GO) build -o .build/overload ./scripts/bench/overload && exec .build/overload

.PHONY: soak
soak: setup ## Run the server under mixed calls while things go wrong (SOAK=30m; a table of what was seen in .build/faults.md)
	@mkdir -p .build && $(with_env) && BEDSIDE_SOAK='$(SOAK)' BEDSIDE_SOAK_TABLE='$(CURDIR)/.build/faults.md' \
		exec $(GO) test ./server/soak -v -count=1 -timeout 3h

.PHONY: adversarial
adversarial: setup ## Have the clinical functions answer all 500 records that mean harm (SEED=n makes others; 15 minutes)
	@$(with_env) && BEDSIDE_ADVERSARIAL=1 BEDSIDE_ADVERSARIAL_ENGLISH=25 BEDSIDE_ADVERSARIAL_SEED='$(or $(SEED),1)' \
		exec $(GO) test ./server/adversarial -v -count=1 -timeout 2h

.PHONY: fuzz-rpc
fuzz-rpc: setup ## Send every call requests made of the protocol, valid and not (CASES=1000000, SEED=n makes others)
	@$(with_env) && BEDSIDE_FUZZ_CASES='$(CASES)' BEDSIDE_FUZZ_SEED='$(or $(SEED),1)' \
		exec $(GO) test ./server -run '^TestEveryCallTakesAnything$$' -v -count=1 -timeout 12h

.PHONY: layout
layout: setup build ## Lay out what a server needs in one folder, for an image or a package (.build/layout)
	@$(with_env) && bash deploy/layout.sh .build/layout

.PHONY: supply-chain
supply-chain: setup build ## Hashes, modules, licences, bill of materials, two builds alike, known weaknesses (15 minutes)
	@$(with_env) && GO='$(GO)' exec "$$BEDSIDE_PYTHON" -m scripts.supply all --version '$(VERSION)'

.PHONY: compare
compare: setup build ## Compare embeddings with MLServer, which it fetches (6 minutes)
	@$(with_env) && exec "$$BEDSIDE_PYTHON" -m scripts.bench.compare

.PHONY: compare-pandas
compare-pandas: prerequisites ## Compare the cleaning with pandas, in an environment that it fetches (5 minutes)
	@GO='$(GO)' exec $(PYTHON) -m scripts.bench.pandas.compare

.PHONY: train
train: prerequisites ## Train the four kinds of language models (SIZE=tiny or small, CORPUS=folder); tiny ones are checked
	@exec $(PYTHON) -m scripts.train --size '$(SIZE)' $(if $(CORPUS),--corpus '$(CORPUS)') $(if $(CORPUS),,$(if $(filter tiny,$(SIZE)),--fresh --check))

.PHONY: lint
lint: prerequisites ## Set up, then check formatting, imports, style, generated code, module files, Python
	@GO='$(GO)' PYTHON='$(PYTHON)' exec bash scripts/lint.sh

.PHONY: proto
proto: prerequisites ## Generate the Go code of proto/
	@bash scripts/proto.sh generate

.PHONY: clean
clean: ## Remove what was built here (models stay in the user's cache folder)
	rm -rf bin .build
