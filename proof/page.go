package main

import (
	_ "embed"
	"html/template"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("proof").Funcs(template.FuncMap{
	"round": func(d time.Duration) time.Duration { return d.Round(time.Second) },
}).Parse(pageText))

// writePage writes the summary: one self-contained page.
func writePage(file string, results []result, took time.Duration) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	failed := 0
	for _, r := range results {
		if r.Err != nil {
			failed++
		}
	}
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err := pageTemplate.Execute(f, map[string]any{
		"Results": results, "Failed": failed, "Took": took, "At": time.Now().UTC().Format(time.RFC3339),
		"Commit": strings.TrimSpace(string(commit)), "Go": runtime.Version(), "CPUs": runtime.NumCPU(),
	}); err != nil {
		return err
	}
	return f.Close()
}
