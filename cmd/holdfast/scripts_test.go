package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/api/client"
	"holdfast/engine/sqlite"
	"holdfast/event"
	"holdfast/load"
)

// TestScripts runs the command line as a person types it; see testdata. The
// commands that use the API find a server at HOLDFAST_URL. Beside holdfast the
// scripts know
//
//	start COMMAND [flags]   starts serve or a service on a free port: $COMMAND_url, $COMMAND_addr; logs to COMMAND.log
//	end COMMAND             stops the last of them as an operator would
//	keep NAME               makes what was printed last the variable $NAME
//	poison DATA QUEUE TEXT  puts a message on a queue, and waits at $order_url until it is dead: $letter
//	certificate CERT KEY    makes a certificate of 127.0.0.1 that nobody else signed
func TestScripts(t *testing.T) {
	server := serve(t, t.TempDir(), "--log-level", "warn")
	runScripts(t, "testdata", func(e *testscript.Env) { e.Setenv("HOLDFAST_URL", server.URL) })
}

// runScripts runs the scripts of a folder, each in an environment that setUp has
// prepared.
func runScripts(t *testing.T, dir string, setUp func(*testscript.Env)) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			setUp(e)
			e.Values["running"] = make(map[string][]*load.Server)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": startCommand, "end": endCommand, "keep": keepOutput, "poison": poison,
		},
	})
}

func running(ts *testscript.TestScript) map[string][]*load.Server {
	return ts.Value("running").(map[string][]*load.Server)
}

func startCommand(ts *testscript.TestScript, _ bool, args []string) {
	command := args[0]
	logs, err := os.Create(ts.MkAbs(command + ".log"))
	ts.Check(err)
	flags := slices.Clone(args[1:])
	if i := slices.Index(flags, "--data"); i >= 0 {
		flags[i+1] = ts.MkAbs(flags[i+1])
	}
	s, err := load.Start(context.Background(), os.Args[0], logs, command, append([]string{"--addr", "127.0.0.1:0"}, flags...)...)
	ts.Check(err)
	ts.Defer(s.Kill)
	running(ts)[command] = append(running(ts)[command], s)
	_, addr, _ := strings.Cut(s.URL, "://")
	ts.Setenv(command+"_url", s.URL)
	ts.Setenv(command+"_addr", addr)
}

func endCommand(ts *testscript.TestScript, _ bool, args []string) {
	of := running(ts)[args[0]]
	last := len(of) - 1
	ts.Check(of[last].Stop())
	running(ts)[args[0]] = of[:last]
}

func keepOutput(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// poison sends what no build can read, as a stranger with access to the folder
// might, and returns once its reader has given it up.
func poison(ts *testscript.TestScript, _ bool, args []string) {
	files, err := onSQLite{dir: ts.MkAbs(args[0])}.queues(sqlite.QueueOptions{Shared: true})()
	ts.Check(err)
	queue := args[1]
	message := event.Decode([]byte(args[2]))
	ts.Check(files.Queues[event.Service(queue)].Send(context.Background(), []event.Event{message}))
	ts.Check(files.Close())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; ctx.Err() == nil; <-tick.C {
		for l, err := range client.New(ts.Getenv("order_url"), nil).DeadLetters(ctx, queue) {
			ts.Check(err)
			if l.ID == message.ID() {
				ts.Setenv("letter", l.ID)
				return
			}
		}
	}
	ts.Fatalf("%s was not dead-lettered", args[2])
}

// makeCertificate is the command certificate.
func makeCertificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	for i, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: signed}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Clean(os.Args[1+i]), pem.EncodeToMemory(block), 0o600); err != nil {
			log.Fatal(err)
		}
	}
}
