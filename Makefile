# Everything needs Go alone. What is built or fetched goes to build/.
BUILD   := build
BIN     := $(BUILD)/holdfast
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS := -X main.commit=$(COMMIT)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help
.PHONY: help run setup demo test bench check build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build build/holdfast
	@mkdir -p $(BUILD)
	@[ -e $(BIN) ] || echo "building; the first time this takes a minute or two"
	@go build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/holdfast

run: build ## run everything in one process on ./data, at http://127.0.0.1:8000
	@exec $(BIN) serve --data ./data

setup: build ## create ./data with the starting stock; again adds what is missing
	@$(BIN) setup --data ./data

demo: build ## play the three scenarios on a private server, print and check them
	@go run ./cmd/demo $(BIN)

test: ## every test, with the race detector
	@go test -race ./...

bench: build ## orders a second from POST to COMPLETED on this machine: 64 clients for 20 s, then an audit
	@$(BIN) load --clients 64 --duration 20s

check: ## what CI runs: format, vet, staticcheck, govulncheck, test
	@.ci/run

clean: ## remove build/ (not ./data)
	@rm -rf $(BUILD)
