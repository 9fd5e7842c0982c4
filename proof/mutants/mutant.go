package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/proof/overlay"
)

// Mutant is one mistake made by rule: in File, the text from Start to End gives
// way to New.
type Mutant struct {
	Number     int    `json:"number"`
	File       string `json:"file"` // from the module's root
	Line       int    `json:"line"`
	Rule       string `json:"rule"`
	Start, End int    `json:"-"`
	New        string `json:"-"`
	Diff       string `json:"diff"` // the lines that change
	text       []byte // of the file
}

// Change is the mutant as something to try.
func (m Mutant) Change() overlay.Change {
	return overlay.Change{File: m.File, Text: slices.Concat(m.text[:m.Start], []byte(m.New), m.text[m.End:])}
}

// subjects are what is mutated: the packages that decide, and the one file of
// event that does.
var subjects = []string{"order", "inventory", "payment", "event/table.go"}

// find makes every mutant of a subject, a package or a file.
func find(root, subject string) ([]Mutant, error) {
	pattern := filepath.Join(root, filepath.FromSlash(subject))
	if path.Ext(subject) == "" {
		pattern = filepath.Join(pattern, "*.go")
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no %s", subject)
	}
	var all []Mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		mutants, err := mutate(filepath.ToSlash(name), text)
		if err != nil {
			return nil, err
		}
		all = append(all, mutants...)
	}
	return all, nil
}

// mutate makes every mutant of one file, in the order of their places.
func mutate(name string, text []byte) ([]Mutant, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, 0)
	if err != nil {
		return nil, err
	}
	s := &source{name: name, text: text, fset: fset, states: fieldValues(file, "To"), events: fieldValues(file, "Send")}
	ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
		for _, rule := range rules {
			rule(s, n, stack)
		}
		return true
	})
	slices.SortStableFunc(s.found, func(a, b Mutant) int { return a.Start - b.Start })
	return slices.CompactFunc(s.found, func(a, b Mutant) bool { return a.Start == b.Start && a.End == b.End && a.New == b.New }), nil
}

// source is a file on its way through the rules.
type source struct {
	name   string
	text   []byte
	fset   *token.FileSet
	states []string // that the file's decision table writes
	events []string // that it sends
	found  []Mutant
}

// put makes a mutant: the text between two places becomes another.
func (s *source) put(rule string, from, to token.Pos, text string) {
	m := Mutant{
		File: s.name, Line: s.fset.Position(from).Line, Rule: rule,
		Start: s.offset(from), End: s.offset(to), New: text, text: s.text,
	}
	if string(s.text[m.Start:m.End]) == text {
		return
	}
	m.Diff = m.diff()
	s.found = append(s.found, m)
}

func (s *source) offset(p token.Pos) int { return s.fset.Position(p).Offset }

// of is the text of a node.
func (s *source) of(n ast.Node) string { return string(s.text[s.offset(n.Pos()):s.offset(n.End())]) }

// diff shows the lines that the mutant changes, as they were and as they are.
func (m Mutant) diff() string {
	first := bytes.LastIndexByte(m.text[:m.Start], '\n') + 1
	last := len(m.text)
	if n := bytes.IndexByte(m.text[m.End:], '\n'); n >= 0 {
		last = m.End + n
	}
	was := string(m.text[first:last])
	is := string(m.text[first:m.Start]) + m.New + string(m.text[m.End:last])
	return marked("-", was) + marked("+", is)
}

func marked(mark, lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) != "" {
			fmt.Fprintf(&b, "%s %s\n", mark, strings.TrimRight(line, "\n"))
		}
	}
	return b.String()
}
