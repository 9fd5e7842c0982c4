package main

import "testing"

func TestFiguresAreReadOutOfLogs(t *testing.T) {
	const log = "a: died 3 times\nfuzz: elapsed: 1s\n  b: died 40 times  \nfuzz: elapsed: 2s, execs: 9\nx: killed by y\nz: killed by y\n"
	for want, f := range map[string]figure{
		"43 points":                   sum(`died ([0-9]+) times`, "%d points"),
		"0 cuts":                      sum(`cut ([0-9]+)`, "%d cuts"),
		"fuzz: elapsed: 2s, execs: 9": last(`fuzz: elapsed.*`),
		"":                            last(`nothing`),
		"2 caught":                    count(`killed by`, "%d caught"),
	} {
		if got := f(log); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestEveryPartHasAName(t *testing.T) {
	for _, long := range []bool{false, true} {
		seen := map[string]bool{}
		for _, p := range parts(long) {
			if p.Name == "" || p.Shows == "" || len(p.Args) == 0 || p.Figure == nil || p.Takes <= 0 || seen[p.Name] {
				t.Errorf("%+v", p)
			}
			seen[p.Name] = true
		}
	}
}
