# The logic is in hack/ and in the tests; this file names it. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty)
COMMIT ?= $(shell git rev-parse HEAD)
VERSION_PACKAGE := github.com/atlasdb/atlasdb/pkg/version
LDFLAGS := -s -w -X $(VERSION_PACKAGE).version=$(VERSION) -X $(VERSION_PACKAGE).commit=$(COMMIT)

# Built programs and images, shared by all checkouts.
export ATLASDB_CACHE ?= /var/cache/atlasdb
# A client that changes an object of its cache breaks every other reader; with this the process ends when one does.
export KUBE_CACHE_MUTATION_DETECTOR := true

# The local Kubernetes that tests run on. Instances with different names stand side by side.
export LOCALKUBE_NAME ?= dev
LOCALKUBE := bin/localkube --name $(LOCALKUBE_NAME)
KUBECTL := $(ATLASDB_CACHE)/bin/kubectl
# What runs the tests; CI counts them, so it names a wrapper.
export GOTEST ?= go test
UNIT := ./artifacts/... ./cmd/... ./pkg/... ./test/generated/... ./test/lint/... ./test/standin/...

.PHONY: help
help: ## Show this text
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' \
	  $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## Build the programs into bin/
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

# AtlasDB, and the simulated servers that tests run where the real one cannot be had.
IMAGES := atlasdb mongo-standin:7.0 mongo-standin:8.0

.PHONY: image
image: bin/localkube ## Build what runs from this checkout and load it into the local Kubernetes
	$(LOCALKUBE) image build $(IMAGES) --project .
	$(LOCALKUBE) image load $(IMAGES)

.PHONY: generate
generate: ## Write generated code and CRDs from the API types
	hack/update-codegen.sh

.PHONY: update
update: generate ## Mend what `make verify` checks: generated code, formatting, go.mod
	gofmt -s -w artifacts cmd hack pkg test
	for module in . hack/tools hack/localkube; do go -C $$module mod tidy; done

.PHONY: clean
clean: ## Remove bin/; the cache outside the checkout stays
	rm -rf bin

##@ Check

.PHONY: verify
verify: ## Check generated code, formatting, go.mod, headers, scripts and sizes
	hack/verify.sh

.PHONY: lint
lint: ## Run the linters over every module
	hack/lint.sh

.PHONY: test
test: test-race integration ## Run all tests that need no cluster, with the race detector

.PHONY: test-unit
test-unit: ## Run unit tests, fast: without the race detector
	$(GOTEST) $(UNIT)

.PHONY: test-race
test-race: ## Run unit tests with the race detector, and those of localkube
	CGO_ENABLED=1 $(GOTEST) -race $(UNIT)
	@# The race detector makes a simulation ten times as slow, so all schedules are played without it.
	$(GOTEST) -run='^TestSimulation|^TestAnySchedule' ./pkg/agent/election ./pkg/controller/databasecluster
	cd hack/localkube && CGO_ENABLED=0 $(GOTEST) ./internal/...

.PHONY: integration
integration: ## Run the controllers against a real API server and etcd
	[[ -e $(KUBECTL) ]] || $(MAKE) localkube-up
	@# The tests start etcd and kube-apiserver for themselves; these lie where localkube's kubectl does.
	CGO_ENABLED=1 KUBE_PROGRAMS=$$(dirname "$$(realpath $(KUBECTL))") \
	  $(GOTEST) -race -count=1 -tags=integration ./test/integration/...

.PHONY: e2e
e2e: localkube-up image ## Run end-to-end tests on the local Kubernetes
	KUBECONFIG=$$($(LOCALKUBE) kubeconfig) hack/e2e.sh

.PHONY: e2e-long
e2e-long: localkube-up image ## Run end-to-end tests with the long watches for silence
	KUBECONFIG=$$($(LOCALKUBE) kubeconfig) E2E_LONG=1 hack/e2e.sh

.PHONY: conformance
conformance: $(if $(KUBECONFIG),,localkube-up image) ## Hold ENGINE, or in short all, to what is promised of any
	hack/conformance.sh

# Trials for `make chaos`, such as CHAOS='-engine=redis -fault=cable-cut -trials=3' or what a failed trial prints to replay it.
CHAOS ?=

.PHONY: clickhouse-parse
clickhouse-parse: ## Have a current ClickHouse read what AtlasDB writes for it; fetches a library of 178 MB
	hack/clickhouse-parse.sh

.PHONY: mongodb-ferretdb
mongodb-ferretdb: ## Have other servers and clients understand what AtlasDB says to a MongoDB; builds FerretDB, fetches mongosh
	hack/mongodb-ferretdb.sh

.PHONY: chaos
chaos: localkube-up image ## Break nodes, networks and processes under load; with CI=true a few seeded trials
	export KUBECONFIG=$$($(LOCALKUBE) kubeconfig) KUBECTL=$(KUBECTL) LOCALKUBE=$(CURDIR)/bin/localkube; \
	  hack/deploy.sh localkube && \
	  $(GOTEST) -count=1 -tags=chaos $(if $(CI),-timeout=10m,-v -timeout=24h) ./test/chaos $(CHAOS)

.PHONY: chaos-report
chaos-report: ## Write the table of all trials made so far into the document on reliability
	$(GOTEST) -count=1 -tags=chaos -run='^TestReport$$' ./test/chaos -update=$(CURDIR)/artifacts/docs/reliability.md $(CHAOS)

##@ Try

.PHONY: demo
demo: ## A real database from nothing (ENGINE=redis for Redis); on your own cluster when KUBECONFIG is set
	hack/demo.sh up

.PHONY: demo-down
demo-down: ## Remove what `make demo` made
	hack/demo.sh down

.PHONY: localkube-up
localkube-up: bin/localkube ## Bring the local Kubernetes up
	$(LOCALKUBE) up

.PHONY: localkube-down
localkube-down: bin/localkube ## Remove the local Kubernetes and all its data
	$(LOCALKUBE) down --verify

# Phony: the Go build cache knows better than make what has changed. Without CGO_ENABLED=0 all of Kubernetes would be
# compiled a second time.
.PHONY: bin/localkube
bin/localkube:
	CGO_ENABLED=0 go -C hack/localkube build -o $(CURDIR)/bin/localkube .
