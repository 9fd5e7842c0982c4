package emulator

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The second pair, each at one version.
const (
	dynoxide  = "dynoxide-rs@3.2.0"
	dependent = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
)

//go:embed elasticmq
var elasticmqFiles embed.FS

// Second is a running pair of emulators that share no code with MiniStack:
// Dynoxide for DynamoDB, a Rust program, and ElasticMQ for SQS, a Java one. What
// passes on both is not one emulator's error taken for AWS's way.
type Second struct {
	client    aws.HTTPClient
	url       string // Dynoxide's
	dynoxide  *process
	elasticmq *process
}

// StartSecond installs the pair if it is not yet, with cargo and Maven, which
// takes minutes, and starts it. It ends with Close, and when this process does.
func StartSecond(ctx context.Context) (*Second, error) {
	s := new(Second)
	err := errors.Join(s.startDynoxide(ctx), s.startElasticMQ(ctx))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Config is how to reach the pair.
func (s *Second) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &s.url, HTTPClient: s.client,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKeyID, SecretAccessKey, ""),
	}
}

// Advance moves ElasticMQ's clock on, as MiniStack.Advance does.
func (s *Second) Advance(d time.Duration) error {
	return s.elasticmq.order("advance", strconv.FormatFloat(d.Seconds(), 'f', 6, 64))
}

// Close ends both.
func (s *Second) Close() (err error) {
	for _, p := range []*process{s.dynoxide, s.elasticmq} {
		if p != nil {
			err = errors.Join(err, p.close())
		}
	}
	return err
}

// untilInputEnds is a shell script that runs a program until standard input ends.
const untilInputEnds = `"$@" & program=$!; cat > /dev/null; kill $program`

func (s *Second) startDynoxide(ctx context.Context) error {
	program, err := installDynoxide(ctx)
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	s.url = "http://" + address
	if s.dynoxide, err = startProcess(exec.Command("sh", "-c", untilInputEnds, "sh", program, "serve", "--log", "quiet", "--port", port)); err != nil {
		return fmt.Errorf("dynoxide: %w", err)
	}
	return awaitListening(ctx, "dynoxide", address, s.dynoxide)
}

// freeAddress is one that nobody listens at now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func awaitListening(ctx context.Context, name, address string, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for ctx.Err() == nil {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%s did not start; it said: %s", name, p.said)
}

func installDynoxide(ctx context.Context) (program string, err error) {
	dir, unlock, err := lockFolder(ctx, "dynoxide")
	if err != nil {
		return "", err
	}
	defer unlock()
	program, stamp := filepath.Join(dir, "bin", "dynoxide"), filepath.Join(dir, "installed.txt")
	if installed(stamp, program, []byte(dynoxide)) {
		return program, nil
	}
	err = run(ctx, "cargo", "install", "--quiet", "--locked", "--root", dir, "--no-default-features",
		"--features", "native-sqlite,http-server,cli", dynoxide)
	if err != nil {
		return "", fmt.Errorf("the second emulator of DynamoDB is built with Rust 1.88 or later: %w", err)
	}
	return program, os.WriteFile(stamp, []byte(dynoxide), 0o644)
}

func (s *Second) startElasticMQ(ctx context.Context) error {
	dir, err := installElasticMQ(ctx)
	if err != nil {
		return err
	}
	class := strings.Join([]string{dir, filepath.Join(dir, "lib", "*")}, string(os.PathListSeparator)) // ours come first
	if s.elasticmq, err = startProcess(exec.Command("java", "-Dlogback.configurationFile="+filepath.Join(dir, "log.xml"), "-cp", class, "Launcher")); err != nil {
		return fmt.Errorf("ElasticMQ: %w", err)
	}
	port, err := s.elasticmq.answer()
	if err != nil {
		return fmt.Errorf("ElasticMQ did not start: %w: %s", err, s.elasticmq.said)
	}
	s.client = &byService{client: newClient(), sqs: "127.0.0.1:" + port}
	return nil
}

func installElasticMQ(ctx context.Context) (dir string, err error) {
	dir, unlock, err := lockFolder(ctx, "elasticmq")
	if err != nil {
		return "", err
	}
	defer unlock()
	wanted, err := writeElasticMQ(dir)
	if err != nil {
		return "", err
	}
	stamp := filepath.Join(dir, "installed.txt")
	if installed(stamp, filepath.Join(dir, "Launcher.class"), wanted) {
		return dir, nil
	}
	lib := filepath.Join(dir, "lib")
	if err := run(ctx, "mvn", "--batch-mode", "--quiet", "--file", filepath.Join(dir, "pom.xml"), dependent, "-DoutputDirectory="+lib); err != nil {
		return "", fmt.Errorf("the second emulator of SQS is fetched with Maven: %w", err)
	}
	err = run(ctx, "javac", "-cp", filepath.Join(lib, "*"), "-d", dir, filepath.Join(dir, "NowProvider.java"), filepath.Join(dir, "Launcher.java"))
	if err != nil {
		return "", fmt.Errorf("the second emulator of SQS needs a JDK of 11 or later: %w", err)
	}
	return dir, os.WriteFile(stamp, wanted, 0o644)
}

// writeElasticMQ writes the sources to the folder, and returns all of their text.
func writeElasticMQ(dir string) ([]byte, error) {
	var all bytes.Buffer
	files, err := fs.ReadDir(elasticmqFiles, "elasticmq")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := elasticmqFiles.ReadFile("elasticmq/" + f.Name())
		if err != nil {
			return nil, err
		}
		if err := writeOnce(filepath.Join(dir, f.Name()), text); err != nil {
			return nil, err
		}
		all.Write(text)
	}
	return all.Bytes(), nil
}

// byService sends what is for SQS to another address.
type byService struct {
	client aws.HTTPClient
	sqs    string // host and port
}

// Do carries a request out.
func (b *byService) Do(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), sqsTarget) {
		r = r.Clone(r.Context())
		r.URL.Host, r.Host = b.sqs, b.sqs
	}
	return b.client.Do(r)
}
