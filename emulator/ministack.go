// Package emulator runs AWS on this machine: MiniStack, a Python package, on a
// port of 127.0.0.1, with the tables and queues of package deploy in it. It
// installs what it runs below build/, once, and asks for no account.
//
// No emulator makes a transaction conflict, a throttle, a hot partition or a
// lost answer: Faults, a transport, does.
package emulator

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// What every client of an emulator says of itself. MiniStack takes any
// credentials for those of the account's root.
const (
	Region          = "us-east-1"
	AccessKeyID     = "test"
	SecretAccessKey = "test"
)

// startLimit is how long a MiniStack may take to answer: some 2 s, more where
// many start at once.
const startLimit = time.Minute

// Options say how to start an emulator.
type Options struct {
	Port int  // 0: any that is free
	Auth bool // IAM is enforced: a role may do what its policies allow, no more
	// Log is told of what takes long: the installation, the first time. Nil: nobody is.
	Log func(string)
}

// MiniStack is a running emulator of DynamoDB, SQS, CloudFormation, IAM and STS.
type MiniStack struct {
	URL string // what AWS_ENDPOINT_URL has to say

	client  aws.HTTPClient
	process *process
}

// Start installs MiniStack if it is not yet, starts one, and returns when it
// answers. It ends with Close, and when this process ends, however that does.
// It fails where Python 3.10 is missing, saying so.
func Start(ctx context.Context, o Options) (*MiniStack, error) {
	if o.Log == nil {
		o.Log = func(string) {}
	}
	python, launcher, err := install(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, launcher, strconv.Itoa(o.Port))
	cmd.Env = append(os.Environ(), "AUTH="+strconv.FormatBool(o.Auth), "LOG_LEVEL=WARNING", "PERSIST_STATE=0")
	p, err := startProcess(cmd)
	if err != nil {
		return nil, fmt.Errorf("MiniStack: %w", err)
	}
	m := &MiniStack{client: newClient(), process: p}
	if err := m.wait(ctx); err != nil {
		p.close() // so that all it said is here
		return nil, fmt.Errorf("MiniStack did not start: %w: %s", err, p.said)
	}
	return m, nil
}

// client is an HTTP client for many concurrent calls to one host. It has read each
// request's body before it sends it: the SDK closes the body as soon as there is an
// answer, and on a loopback address the answer may come while the body is still
// being read, which costs the connection and the answer.
type client struct{ aws.HTTPClient }

func newClient() client {
	return client{awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 256
	})}
}

// Do makes one request.
func (c client) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.WithContext(r.Context()) // a copy: the body is the caller's to close
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.HTTPClient.Do(r)
}

// wait returns when the emulator has said where it is, and answers there.
func (m *MiniStack) wait(ctx context.Context) error {
	port, err := m.process.answer()
	if err != nil {
		return err
	}
	m.URL = "http://127.0.0.1:" + port
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+"/_ministack/health", nil)
	if err != nil {
		return err
	}
	answer, err := m.client.Do(ask)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// Config is how to reach the emulator, as the root of its account.
func (m *MiniStack) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &m.URL, HTTPClient: m.client,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKeyID, SecretAccessKey, ""),
	}
}

// Environ is what the environment of a program has to say for the AWS SDKs and
// the AWS CLI to reach the emulator, each as NAME=value.
func (m *MiniStack) Environ() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + m.URL, "AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + SecretAccessKey,
	}
}

// Provision creates the tables and queues of deploy under a prefix.
func (m *MiniStack) Provision(ctx context.Context, prefix string) error {
	return Provision(ctx, m.Config(), prefix)
}

// Remove deletes what Provision has created.
func (m *MiniStack) Remove(ctx context.Context, prefix string) error {
	return Remove(ctx, m.Config(), prefix)
}

// Advance moves the clock of SQS on, to the microsecond: leases lapse, delays
// end. It does so for all queues, and for DynamoDB not at all.
func (m *MiniStack) Advance(d time.Duration) error {
	return m.process.order("advance", strconv.FormatFloat(d.Seconds(), 'f', 6, 64))
}

// Outage makes the emulator answer each request with a 503 until it is told that
// the outage is over.
func (m *MiniStack) Outage(on bool) error {
	if on {
		return m.process.order("outage", "1")
	}
	return m.process.order("outage", "0")
}

// Close ends the emulator. All that is in it is gone.
func (m *MiniStack) Close() error { return m.process.close() }

// process is a program that ends when its standard input does.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said *tail

	mu sync.Mutex // held while an order waits for its answer
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in, out: bufio.NewReader(out), said: new(tail)}
	cmd.Stderr = p.said
	return p, cmd.Start()
}

// answer reads the next line of what the program has to say.
func (p *process) answer() (string, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", errors.New("it has ended")
	}
	return strings.TrimSpace(line), nil
}

// order has the program do something, and returns when it has.
func (p *process) order(words ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintln(p.in, strings.Join(words, " ")); err != nil {
		return err
	}
	_, err := p.answer()
	return err
}

// close ends the program and returns when it has ended.
func (p *process) close() error {
	p.in.Close()
	return p.cmd.Wait()
}

// tail keeps the end of what a program writes to its standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailLength is how much of it, in bytes.
const tailLength = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if n := len(t.text) - tailLength; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
