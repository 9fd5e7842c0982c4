package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASplitLoadSaysSo(t *testing.T) {
	out, err := holdfast(t, "load", "--split", "--rate", "200", "--duration", "50ms", "--clients", "1", "--skus", "1")
	if err != nil || !strings.Contains(out, "3 processes, peak memory") || !strings.Contains(out, "audit found 0 breaches") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWrongLoadFlagsAreMisuse(t *testing.T) {
	for flags, want := range map[string]string{
		"--clients 0":                       "1 to 10000",
		"--skus 0":                          "1 to 10000",
		"--duration 0s":                     "more than nothing",
		"--users 0":                         "--users is at least 1",
		"--orders -1":                       "--orders",
		"--zipf 1":                          "exponent above 1",
		"--zipf NaN":                        "exponent above 1",
		"--rate 0":                          `not "0"`,
		"--rate fast":                       `or max, or saturate, not "fast"`,
		"--rate NaN":                        "above 0",
		"--polls 2":                         "--polls is a share",
		"--cancels 1.5":                     "--cancels is a share",
		"--lists NaN":                       "--lists is a share",
		"--url http://127.0.0.1:1 --split":  "give one of the two",
		"--url http://127.0.0.1:1 --data d": "give one of the two",
	} {
		out, err := holdfast(t, append([]string{"load"}, strings.Fields(flags)...)...)
		if exitStatus(err) != exitMisused || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q in\n%s", flags, err, want, out)
		}
	}
}

func TestAReportThatCannotBeWrittenIsFoundBeforeTheLoad(t *testing.T) {
	out, err := holdfast(t, "load", "--report", filepath.Join(t.TempDir(), "none", "out.html"))
	if exitStatus(err) != exitFailed || !strings.Contains(out, "--report") || strings.Contains(out, "orders accepted") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestALoadLeavesItsFolderAndFindsItAgain runs two loads on one folder: the bytes of
// an order are told only of the one that found it empty.
func TestALoadLeavesItsFolderAndFindsItAgain(t *testing.T) {
	data, page := filepath.Join(t.TempDir(), "stores"), filepath.Join(t.TempDir(), "out.html")
	for i, want := range []bool{true, false} {
		out, err := holdfast(t, "load", "--data", data, "--rate", "saturate", "--orders", "120", "--clients", "4", "--skus", "2", "--json", "--report", page)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if _, told := got["bytes_per_order"]; told != want || got["orders"] != 120. || got["oversold"] != 0. {
			t.Errorf("load %d: %v", i+1, got)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil || strings.Count(string(text), "<svg") != 3 || !strings.Contains(string(text), "120 orders") {
		t.Errorf("%v\n%s", err, text)
	}
}
