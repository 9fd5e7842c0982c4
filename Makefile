# Everything needs Go alone, what is about AWS Python 3.10 for its emulator, and the
# browser tests chromium and npm. What is built or fetched goes to build/.
BUILD   := build
BIN     := $(BUILD)/holdfast
EMULATE := $(BUILD)/emulate
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS := -s -w -X main.commit=$(COMMIT)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# ENGINE=aws keeps everything on DynamoDB and SQS: on those that AWS_PROFILE, AWS_REGION
# or AWS_ENDPOINT_URL names, and where none of them is set on those of `make emulator`,
# never on a real account by accident.
STORE := --data ./data
ifeq ($(ENGINE),aws)
STORE := --engine aws
ifeq ($(AWS_PROFILE)$(AWS_REGION)$(AWS_DEFAULT_REGION)$(AWS_ENDPOINT_URL),)
export AWS_ENDPOINT_URL      := http://127.0.0.1:4566
export AWS_REGION            := us-east-1
export AWS_ACCESS_KEY_ID     := test
export AWS_SECRET_ACCESS_KEY := test
unexport AWS_SESSION_TOKEN
endif
endif

.DEFAULT_GOAL := help
.PHONY: help run setup run-order run-inventory run-payment emulator run-aws demo test test-browser screenshots test-aws-second bench bench-aws microbench baseline growth flame torture proof check build emulate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "With ENGINE=aws run, setup and the three services use DynamoDB and SQS: those of make emulator,"
	@echo "or those that AWS_PROFILE, AWS_REGION or AWS_ENDPOINT_URL names."

build: ## build build/holdfast
	@mkdir -p $(BUILD)
	@[ -e $(BIN) ] || echo "building; the first time this takes a minute or two"
	@go build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/holdfast

emulate:
	@mkdir -p $(BUILD)
	@go build -o $(EMULATE) ./cmd/emulator

run: build ## run everything in one process on ./data, at http://127.0.0.1:8000
	@exec $(BIN) serve $(STORE)

setup: build ## create ./data with the starting stock; again adds what is missing
	@$(BIN) setup $(STORE)

run-order: build ## run the order service on ./data, in a terminal of its own: users reach all at http://127.0.0.1:8000
	@exec $(BIN) order $(STORE)

run-inventory: build ## run the inventory service on ./data, in a terminal of its own
	@exec $(BIN) inventory $(STORE)

run-payment: build ## run the payment service on ./data, in a terminal of its own
	@exec $(BIN) payment $(STORE)

emulator: emulate ## run AWS's DynamoDB and SQS on this machine, for the targets above with ENGINE=aws in other terminals
	@exec $(EMULATE)

run-aws: build emulate ## run everything on DynamoDB and SQS that it emulates, at http://127.0.0.1:8000; no account needed
	@exec $(EMULATE) -- sh -c '$(BIN) setup --engine aws && exec $(BIN) serve --engine aws'

demo: build ## play the three scenarios on a private server, print and check them
	@go run ./cmd/demo $(BIN)

test: ## every test, with the race detector
	@go test -race -timeout 25m ./...

test-browser: ## try the ops page in chromium, as a person would; needs chromium and npm, which INSTALL=1 installs (Debian)
	@ops/browsertest/install
	@go test -tags browser -count 1 -timeout 15m ./ops/browsertest

screenshots: ## take the pictures in docs/screenshots anew, and of all pages in build/pictures
	@ops/browsertest/install
	@go test -tags browser -count 1 -timeout 15m -run 'Suit|IsDrawn' ./ops/browsertest -pictures

test-aws-second: ## the AWS engine's suite on two other emulators: needs Rust 1.88, a JDK and Maven, and minutes the first time
	@go test -race -timeout 30m -tags second -run OnTheSecondPair ./engine/aws

bench: build ## orders a second from POST to COMPLETED that this machine holds, in one process and in three: each searched for, held for 20 s, and audited
	@echo "== one process"
	@$(BIN) load --rate max --duration 20s
	@echo "== three processes"
	@$(BIN) load --rate max --duration 20s --split

bench-aws: ## what an order costs on AWS, counted on the emulator, and how fast one hot SKU sells; some ten minutes
	@echo "== one SKU, and a thousand: 10,000 orders that wait when the services begin"
	@go test ./engine/aws -run '^$$' -timeout 1h -bench 'OrderCost/(OneSKU|ThousandSKUs)' -benchtime 10000x
	@echo "== messages received three at a time; one order a second"
	@go test ./engine/aws -run '^$$' -timeout 1h -bench 'OrderCost/ReceivesOfThree' -benchtime 1000x
	@go test ./engine/aws -run '^$$' -timeout 1h -bench 'OrderCost/OneASecond' -benchtime 60x
	@echo "== two workers compete for one SKU, and for a thousand, behind DynamoDB's limits and 10 ms"
	@go test ./engine/aws -run '^$$' -timeout 1h -bench 'HotSKU|UniformSKUs' -benchtime 40000x

microbench: ## what each hot step costs an order, against bench/baseline.txt; three minutes
	@mkdir -p $(BUILD)
	@bench/run > $(BUILD)/microbench.txt
	@for of in bench/baseline.txt $(BUILD)/microbench.txt; do echo "$$of: $$(sed -n 's/^# //p' $$of)"; done
	@go run $(BENCHSTAT) -ignore cpu bench/baseline.txt $(BUILD)/microbench.txt

baseline: ## run the microbenchmarks, and keep their figures as those to compare with
	@mkdir -p $(BUILD)
	@bench/run > $(BUILD)/microbench.txt
	@cp $(BUILD)/microbench.txt bench/baseline.txt

growth: build ## store 5 million orders in build/growth, then measure the full store: a quarter of an hour, and 10 GB of disk
	@rm -rf $(BUILD)/growth
	@echo "== 5 million orders into an empty store"
	@$(BIN) load --data $(BUILD)/growth --rate saturate --orders 5000000 --report $(BUILD)/growth.html
	@echo "== the full store"
	@$(BIN) load --data $(BUILD)/growth --duration 60s --report $(BUILD)/growth-full.html

flame: build ## draw where the server's CPU time goes at full load: build/flame.svg
	@HOLDFAST_CPU_PROFILE=$(BUILD)/flame.prof $(BIN) load --rate saturate --duration 20s
	@go run ./bench/flame -title "Holdfast $(COMMIT) at full load: 512 clients for 20 s" $(BUILD)/flame.prof > $(BUILD)/flame.svg
	@echo "written: $(BUILD)/flame.svg"

torture: ## kill -9 the real binary under load, again and again, in one process and in three; KILLS=500
	@go run ./proof/torture --kills $(or $(KILLS),500)

proof: ## hold it to its promises for a day: a million simulated worlds, ten thousand kills, hours of fuzzing; see docs/proof.md
	@go run ./proof --long

check: ## what CI runs: format, vet, staticcheck, govulncheck, cfn-lint, spectral, test, test-browser, the short form of proof
	@.ci/run

clean: ## remove build/ (not ./data)
	@rm -rf $(BUILD)
