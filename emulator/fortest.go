package emulator

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// shared is the one MiniStack of a test binary. It ends when the binary does.
var shared = sync.OnceValues(func() (*MiniStack, error) { return Start(context.Background(), Options{}) })

// ForTest is a MiniStack that all tests of a binary share; tests keep apart by
// their prefixes. Its clock and its outage are common to all: who uses them starts
// one of their own, or runs alone.
func ForTest(t testing.TB) *MiniStack {
	t.Helper()
	m, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// second is the one second pair of a test binary.
var second = sync.OnceValues(func() (*Second, error) { return StartSecond(context.Background()) })

// SecondForTest is a second pair that all tests of a binary share, as ForTest is
// a MiniStack.
func SecondForTest(t testing.TB) *Second {
	t.Helper()
	s, err := second()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Fresh creates the tables and queues under a prefix of the test's own, and
// removes them after it.
func (m *MiniStack) Fresh(t testing.TB) (prefix string) {
	t.Helper()
	return fresh(t, m.Config())
}

// Fresh is as MiniStack's.
func (s *Second) Fresh(t testing.TB) (prefix string) {
	t.Helper()
	return fresh(t, s.Config())
}

func fresh(t testing.TB, config aws.Config) (prefix string) {
	t.Helper()
	prefix = NewPrefix()
	if err := Provision(t.Context(), config, prefix); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(context.Background(), config, prefix); err != nil {
			t.Errorf("removing what the test created: %v", err)
		}
	})
	return prefix
}

// NewPrefix is one that nobody else has.
func NewPrefix() string { return "t-" + rand.Text()[:12] }
