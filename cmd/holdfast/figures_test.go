package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"holdfast/api/client"
	"holdfast/load"
)

// TestWithEMFStandardOutputIsForCloudWatch reads all that a server prints, in which
// after the line that it is ready each is a document of figures.
func TestWithEMFStandardOutputIsForCloudWatch(t *testing.T) {
	cmd := exec.Command(os.Args[0], "serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--metrics", "emf", "--prefix", "shop")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewReader(stdout)
	ready, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(strings.TrimPrefix(strings.TrimSpace(ready), load.ReadyLine("serve", "")), nil)
	if o, err := c.Order(t.Context(), place(t, c, "sim_approve"), time.Minute); err != nil || o.Status != "COMPLETED" {
		t.Fatal(err, o.Status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	completed := sumOf(t, lines, "OrdersCompleted")
	if err := cmd.Wait(); err != nil || completed != 1 {
		t.Errorf("CloudWatch is told of %v completed orders, %v", completed, err)
	}
}

// sumOf adds up a metric over the lines that are left, each of which must be a
// document for CloudWatch.
func sumOf(t *testing.T, lines *bufio.Reader, metric string) (sum float64) {
	t.Helper()
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return sum
		}
		var document map[string]any
		if err := json.Unmarshal(line, &document); err != nil || document["_aws"] == nil || document["Prefix"] != "shop" {
			t.Errorf("no document of ours: %v, %s", err, line)
		}
		if v, ok := document[metric].(float64); ok {
			sum += v
		}
	}
}

// TestAnErrorOfTheSDKIsSaidPlainly has what AWS answers in the middle of a command
// said in one line with its fix, and only once.
func TestAnErrorOfTheSDKIsSaidPlainly(t *testing.T) {
	refused := &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "Scan", Err: &smithy.GenericAPIError{
		Code: "AccessDeniedException", Message: "User: arn:aws:iam::1:role/r is not authorized\nto perform: dynamodb:Scan",
	}}
	plain := plainly(errors.Join(errors.New("audit of the orders"), refused)).Error()
	const want = "using AWS: AccessDeniedException: User: arn:aws:iam::1:role/r is not authorized to perform: dynamodb:Scan; ask an administrator"
	if !strings.HasPrefix(plain, want) {
		t.Errorf("%s, want %s", plain, want)
	}
	for _, already := range []error{errors.New("disk full"), plainly(refused)} {
		if again := plainly(already); again.Error() != already.Error() {
			t.Errorf("%v became %v", already, again)
		}
	}
}
