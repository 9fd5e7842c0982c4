# Everything needs Go alone. What is built or fetched goes to build/.
BUILD   := build
BIN     := $(BUILD)/holdfast
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS := -X main.commit=$(COMMIT)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help
.PHONY: help run setup run-order run-inventory run-payment demo test bench check build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build build/holdfast
	@mkdir -p $(BUILD)
	@[ -e $(BIN) ] || echo "building; the first time this takes a minute or two"
	@go build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/holdfast

run: build ## run everything in one process on ./data, at http://127.0.0.1:8000
	@exec $(BIN) serve --data ./data

setup: build ## create ./data with the starting stock; again adds what is missing
	@$(BIN) setup --data ./data

run-order: build ## run the order service on ./data, in a terminal of its own: users reach all at http://127.0.0.1:8000
	@exec $(BIN) order --data ./data

run-inventory: build ## run the inventory service on ./data, in a terminal of its own
	@exec $(BIN) inventory --data ./data

run-payment: build ## run the payment service on ./data, in a terminal of its own
	@exec $(BIN) payment --data ./data

demo: build ## play the three scenarios on a private server, print and check them
	@go run ./cmd/demo $(BIN)

test: ## every test, with the race detector
	@go test -race ./...

bench: build ## orders a second from POST to COMPLETED on this machine, in one process and in three: 64 clients for 20 s, then an audit
	@echo "== one process"
	@$(BIN) load --clients 64 --duration 20s
	@echo "== three processes"
	@$(BIN) load --clients 64 --duration 20s --split

check: ## what CI runs: format, vet, staticcheck, govulncheck, test
	@.ci/run

clean: ## remove build/ (not ./data)
	@rm -rf $(BUILD)
