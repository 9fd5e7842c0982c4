package main

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

//go:embed completion
var completions embed.FS

// completionCommand prints what makes a shell complete holdfast's command line.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Run prints the script.
func (c *completionCommand) Run() error {
	script, err := completions.ReadFile("completion/" + c.Shell)
	if err == nil {
		_, err = fmt.Printf("%s", script)
	}
	return err
}

// completeCommand is what those scripts ask: what the last of the words may be, a line
// each, with words on it behind a tab.
type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// Run prints the candidates.
func (c *completeCommand) Run(parser *kong.Kong) error {
	for _, candidate := range complete(parser.Model.Node, c.Words) {
		if _, err := fmt.Println(candidate); err != nil {
			return err
		}
	}
	return nil
}

// What a shell completes by itself.
const (
	anyFile   = ":file"
	anyFolder = ":folder"
)

// typed is a command line as far as it has been typed.
type typed struct {
	command *kong.Node
	flag    *kong.Value // that waits for its value; nil: none
	before  int         // positional arguments before the last word
}

// complete returns the candidates for the last of the words. Bash makes three of
// --flag=value.
func complete(root *kong.Node, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	t := typed{command: root}
	last := words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		t.take(word)
	}
	name, value, cut := strings.Cut(last, "=")
	switch {
	case t.flag != nil:
		return withPrefix(valuesOf(t.flag), "", strings.TrimPrefix(last, "="))
	case cut && strings.HasPrefix(name, "--"):
		if f := t.named(name); f != nil {
			return withPrefix(valuesOf(f.Value), name+"=", value)
		}
		return nil
	case strings.HasPrefix(last, "-"):
		return withPrefix(t.flags(), "", last)
	}
	return withPrefix(t.arguments(), "", last)
}

// take goes past a word that is whole.
func (t *typed) take(word string) {
	if t.flag != nil {
		if word != "=" {
			t.flag = nil
		}
		return
	}
	if strings.HasPrefix(word, "-") {
		if f := t.named(word); f != nil && !f.IsBool() {
			t.flag = f.Value
		}
		return
	}
	if at := slices.IndexFunc(t.command.Children, func(n *kong.Node) bool { return n.Name == word }); at >= 0 {
		t.command, t.before = t.command.Children[at], 0
		return
	}
	t.before++
}

// named is the flag that a word names, nil if it is none, or has its value with it.
func (t *typed) named(word string) *kong.Flag {
	for _, group := range t.command.AllFlags(false) {
		for _, f := range group {
			if word == "--"+f.Name {
				return f
			}
		}
	}
	return nil
}

// flags are those of the command, with what they are for.
func (t *typed) flags() (all []string) {
	for _, group := range t.command.AllFlags(true) {
		for _, f := range group {
			all = append(all, "--"+f.Name+"\t"+firstSentence(f.Help))
			if f.Tag.Negatable != "" {
				all = append(all, "--no-"+f.Name+"\tnot: "+firstSentence(f.Help))
			}
		}
	}
	return all
}

// arguments are the command's own commands, and what its next argument may be. One
// that may be given several times stands last.
func (t *typed) arguments() (all []string) {
	for _, n := range t.command.Children {
		if !n.Hidden {
			all = append(all, n.Name+"\t"+firstSentence(n.Help))
		}
	}
	if n := len(t.command.Positional); n > 0 {
		p := t.command.Positional[min(t.before, n-1)]
		if t.before < n || p.IsCumulative() {
			all = append(all, valuesOf(p)...)
		}
	}
	return all
}

// valuesOf are the values of a flag or an argument, as far as they can be told.
func valuesOf(v *kong.Value) []string {
	known := cmp.Or(v.Enum, v.Tag.Get("values")) // values: those that the parser does not insist on
	switch {
	case known != "":
		return strings.Split(known, ",")
	case v.Tag.PlaceHolder == "FILE":
		return []string{anyFile}
	case v.Tag.PlaceHolder == "DIR" || strings.HasPrefix(v.Default, "./"):
		return []string{anyFolder}
	}
	return nil
}

// withPrefix are the candidates that begin as a word does, each with what stands
// before it. What the shell completes it looks at itself.
func withPrefix(candidates []string, before, word string) (fitting []string) {
	for _, c := range candidates {
		switch {
		case strings.HasPrefix(c, ":"):
			fitting = append(fitting, c)
		case strings.HasPrefix(c, word):
			fitting = append(fitting, before+c)
		}
	}
	return fitting
}

// firstSentence is enough of a help text for a list.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}
