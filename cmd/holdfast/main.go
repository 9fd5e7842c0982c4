// Holdfast executes orders: it accepts each once, reserves stock without ever
// overselling, takes payment once, and brings every order to a known end.
//
//	main.go      the command line; one file a subcommand beside it
//	wire.go      engines and gateways: the only file that knows them all
//	cloud.go     how AWS is reached, bounded, deployed to and explained
//	serve.go, service.go ─▶ host.go ─▶ api ─▶ system ─▶ order, inventory, payment ─▶ engine
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commandLine is every subcommand; see `holdfast --help`.
type commandLine struct {
	Serve      serveCommand      `cmd:"" help:"Run all three services and the API in one process. Sets up first if the store is empty."`
	Order      orderCommand      `cmd:"" help:"Run the order service alone. It is the door: what the other two serve, it forwards."`
	Inventory  inventoryCommand  `cmd:"" help:"Run the inventory service alone."`
	Payment    paymentCommand    `cmd:"" help:"Run the payment service alone."`
	Setup      setupCommand      `cmd:"" help:"Create the stores, the queues and the starting stock; with --engine aws, deploy them. Run again, it adds what is missing and changes nothing."`
	Audit      auditCommand      `cmd:"" help:"Check the promises over all stores, running or not. Exit 1 if one is broken."`
	Load       loadCommand       `cmd:"" help:"Place orders at a rate, or at the highest that the server holds, wait for their ends, and say how fast that was."`
	Stub       stubCommand       `cmd:"" name:"load-stub" hidden:"" help:"Answer and do nothing else, for load --calibrate."`
	Sim        simCommand        `cmd:"" help:"Play the whole system in simulated worlds full of faults, check every step, and replay what breaks."`
	Orders     ordersCommand     `cmd:"" help:"Place, show, list, cancel and refund orders through the API."`
	Stock      stockCommand      `cmd:"" help:"Show, list, count and adjust stock through the API."`
	DLQ        dlqCommand        `cmd:"" name:"dlq" help:"List, show, redrive and delete dead letters through the API."`
	Keys       keysCommand       `cmd:"" help:"Make, list and revoke API keys where the engine keeps them."`
	Cost       costCommand       `cmd:"" help:"Say what running processes have spent on AWS, by service and operation, and an order."`
	Doctor     doctorCommand     `cmd:"" help:"Look at the disk, the clock, permissions, ports and AWS, and say what to mend; exit 1 if something does not work."`
	Health     healthCommand     `cmd:"" help:"Ask a process whether it lives; exit 1 if not. For the health check of a container."`
	Version    versionCommand    `cmd:"" help:"Print the version, commit, Go version and SQLite version."`
	Completion completionCommand `cmd:"" help:"Print what makes bash, zsh or fish complete this command line: source <(holdfast completion bash)."`
	Complete   completeCommand   `cmd:"" hidden:"" help:"Say what may come next on a command line, for completion."`
}

const description = `Holdfast executes orders for a limited stock of anything: each accepted once, never oversold, charged once, nothing lost.

  holdfast serve                                            run it in one process
  holdfast setup; then order, inventory, payment            or as three, in three terminals
  holdfast setup --engine aws; then the same --engine aws   or on DynamoDB and SQS
  holdfast orders place --user test_user --item A123=1      place an order
  holdfast orders show ID --wait 5s                         see how it ended
  holdfast audit                                            check every promise

Every flag can be set in the environment: --data is HOLDFAST_DATA. Exit status: 0 done, 1 failed, 2 misused.`

// Exit statuses.
const (
	exitFailed  = 1
	exitMisused = 2
)

// misuse is an error of the person who typed the command.
type misuse struct{ error }

func main() { os.Exit(run(os.Args[1:])) }

// run is main, with its exit status as a value.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	var c commandLine
	exit := -1
	parser := kong.Must(&c,
		kong.Name("holdfast"), kong.Description(description), kong.DefaultEnvars("HOLDFAST"),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(status int) { exit = status }),
	)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err == nil {
		err = refuseEmpty(command)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "holdfast: %v\nTry: holdfast --help\n", err)
		return exitMisused
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return status(command.Run())
}

// status prints an error, and returns the exit status that it means.
func status(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return exitFailed
	}
	fmt.Fprintln(os.Stderr, "holdfast:", plainly(err))
	if errors.As(err, new(misuse)) {
		return exitMisused
	}
	return exitFailed
}

// errSilent is a failure that the command has already told of.
var errSilent = errors.New("failed")
