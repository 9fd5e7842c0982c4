// Package bugs holds mistakes planted on purpose, one small file each in
// testdata, each of which the simulation must catch: a check that has never
// failed is not known to check anything.
//
// A file says in its head what is wrong and which promise that breaks, and then,
// for each place that it changes, the file, the text there (which must stand in it
// exactly once, so that a mistake whose place is gone is noticed), and the text to
// put there instead:
//
//	wrong: The last unit but one is sold twice.
//	breaks: never oversold
//	--- inventory/stock.go
//	if s.Available < l.Qty {
//	--- becomes
//	if s.Available < l.Qty-1 {
//
// A third line of the head, unseen:, says why no simulated world can tell, as
// where the sweeper heals what the mistake loses. Then the packages' own tests
// must catch it.
package bugs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast/proof/overlay"
)

// Bug is one planted mistake.
type Bug struct {
	Name   string // of its file, without the ending
	Wrong  string // what is wrong, in one line
	Breaks string // the promise that it breaks
	Unseen string // why the simulation cannot tell; empty: it must
	Edits  []Edit
}

// Edit is one place that a bug changes.
type Edit struct {
	File     string // from the module's root, with slashes
	Old, New string
}

const ending = ".bug"

// Read reads every bug of a folder, in the order of their names.
func Read(dir string) ([]Bug, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil {
		return nil, err
	}
	var all []Bug
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		b, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		b.Name = strings.TrimSuffix(filepath.Base(file), ending)
		all = append(all, b)
	}
	return all, nil
}

// The marks between the parts of a bug's file.
const (
	place   = "\n--- "
	becomes = "\n--- becomes\n"
)

func parse(text string) (Bug, error) {
	head, rest, _ := strings.Cut(text, place)
	var b Bug
	for line := range strings.Lines(head + "\n") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "wrong":
			b.Wrong = value
		case "breaks":
			b.Breaks = value
		case "unseen":
			b.Unseen = value
		default:
			return Bug{}, fmt.Errorf("the head says neither what is wrong nor what that breaks: %q", line)
		}
	}
	if b.Wrong == "" || b.Breaks == "" {
		return Bug{}, errors.New("the head does not say what is wrong, and what that breaks")
	}
	var err error
	b.Edits, err = edits(rest)
	return b, err
}

func edits(text string) (all []Edit, err error) {
	for text != "" {
		file, edit, _ := strings.Cut(text, "\n")
		old, after, ok := strings.Cut("\n"+edit, becomes)
		if !ok {
			return nil, fmt.Errorf("nothing says what the text in %s becomes", file)
		}
		after, text, _ = strings.Cut("\n"+after, place)
		all = append(all, Edit{File: file, Old: strings.Trim(old, "\n"), New: strings.Trim(after, "\n")})
	}
	if len(all) == 0 {
		return nil, errors.New("it changes nothing")
	}
	return all, nil
}

// Changes plants the bug in the module at root. It fails where a text that the
// bug changes does not stand exactly once in its file.
func (b Bug) Changes(root string) ([]overlay.Change, error) {
	texts := make(map[string][]byte)
	var files []string
	for _, e := range b.Edits {
		if texts[e.File] == nil {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, err
			}
			texts[e.File] = text
			files = append(files, e.File)
		}
		if n := bytes.Count(texts[e.File], []byte(e.Old)); n != 1 {
			return nil, fmt.Errorf("%s has this %d times, not once:\n%s", e.File, n, e.Old)
		}
		texts[e.File] = bytes.Replace(texts[e.File], []byte(e.Old), []byte(e.New), 1)
	}
	changes := make([]overlay.Change, len(files))
	for i, file := range files {
		changes[i] = overlay.Change{File: file, Text: texts[file]}
	}
	return changes, nil
}
