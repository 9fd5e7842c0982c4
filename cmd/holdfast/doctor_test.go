package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// wantFinding fails unless a check came to the verdict, and says what it should; what
// is not well says what to do.
func wantFinding(t *testing.T, got finding, verdict verdict, says string) {
	t.Helper()
	if got.Verdict != verdict || !strings.Contains(got.Found, says) || (got.Do == "") != (verdict == passes) {
		t.Errorf("%+v, want %s and %q", got, verdict, says)
	}
}

func TestDoctorNamesWhoHasThePort(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := silent.Addr().String()
	go func() { // it hangs up on whoever asks
		for c, err := silent.Accept(); err == nil; c, err = silent.Accept() {
			c.Close()
		}
	}()
	wantFinding(t, examinePort(t.Context(), addr, fails), fails, fmt.Sprintf("process %d", os.Getpid()))
	wantFinding(t, examinePort(t.Context(), "0.0.0.0"+addr[len("127.0.0.1"):], fails), fails, fmt.Sprintf("process %d", os.Getpid()))
	silent.Close()
	wantFinding(t, examinePort(t.Context(), addr, fails), passes, "is free")

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	wantFinding(t, examinePort(t.Context(), other.Listener.Addr().String(), warns), warns, "is taken by")
	wantFinding(t, examinePort(t.Context(), "192.0.2.1:80", fails), fails, "192.0.2.1")
}

func TestDoctorJudgesTheClock(t *testing.T) {
	c := doctorCommand{storage: storage{Engine: "sqlite", Data: t.TempDir()}}
	began := time.Now()
	wantFinding(t, c.examineClock(began, began.Add(time.Second)), passes, "Z")
	// Without the reading of a steady clock both are the wall's.
	for _, year := range []int{1970, 2999} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		wantFinding(t, c.examineClock(at, at), fails, fmt.Sprint(year))
	}
	store := filepath.Join(c.Data, "order.db")
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(store, began, began.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, c.examineClock(began, began.Add(time.Second)), warns, "59m59s later")
}

func TestDoctorJudgesAWSsClock(t *testing.T) {
	wantFinding(t, examineSkew(-900*time.Millisecond), passes, "within 1s")
	wantFinding(t, examineSkew(20*time.Second), passes, "within 20s")
	wantFinding(t, examineSkew(-time.Minute), warns, "1m0s away")
	wantFinding(t, examineSkew(6*time.Minute), fails, "6m0s away")
}

func TestDoctorKnowsWhichSQLiteIsSound(t *testing.T) {
	for version, want := range map[string]verdict{"3.51.3": passes, "3.54.0": passes, "4.0.0": passes, "3.51.2": fails, "3.9.9": fails, "2.99.99": fails, "x": fails} {
		if got := examineSQLite("SQLite " + version); got.Verdict != want {
			t.Errorf("%s: %+v", version, got)
		}
	}
}

func TestDoctorSaysHowManyOrdersFit(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999_999: "999,999", 1_999_999: "1 million", 62_000_000_000: "62,000 million"} {
		if got := inMillions(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestDoctorLeavesNoFileWhereItWrites(t *testing.T) {
	dir := t.TempDir()
	took, err := tryWrites(dir)
	left, _ := os.ReadDir(dir)
	if err != nil || len(took) == 0 || len(left) != 0 {
		t.Errorf("%d writes, %v, and %v is left", len(took), err, left)
	}
}
