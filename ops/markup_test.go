package ops_test

import (
	"fmt"
	"html"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// node is an element of a page, or a text in it.
type node struct {
	name     string // empty for a text
	attr     map[string]string
	text     string
	children []*node
}

var (
	tag       = regexp.MustCompile(`^<(/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z-]+(?:="[^"<>]*")?)*)\s*(/?)>`)
	attribute = regexp.MustCompile(`([A-Za-z-]+)(?:="([^"]*)")?`)
	entity    = regexp.MustCompile(`^&(?:[a-z]+|#[0-9]+|#x[0-9a-f]+);`)
	void      = []string{"meta", "link", "input", "br"}
)

// parse reads a page more strictly than a browser does: every value in quotes, every
// element closed where it must be, and nowhere a mark that is neither part of a tag nor
// written as an entity. So whatever text gets into a page unescaped makes it fail.
func parse(page string) (*node, error) {
	page = strings.TrimPrefix(page, "<!doctype html>")
	root := &node{name: "document"}
	open := []*node{root}
	for page != "" {
		if page[0] != '<' {
			text, rest := cutText(page)
			if err := escaped(text); err != nil {
				return nil, err
			}
			top := open[len(open)-1]
			top.children, page = append(top.children, &node{text: html.UnescapeString(text)}), rest
			continue
		}
		m := tag.FindStringSubmatch(page)
		if m == nil {
			return nil, fmt.Errorf("no tag: %.80q", page)
		}
		var err error
		if open, err = step(open, m[1] != "", strings.ToLower(m[2]), m[3], m[4] != ""); err != nil {
			return nil, fmt.Errorf("%w at %.80q", err, page)
		}
		page = page[len(m[0]):]
	}
	if len(open) != 1 {
		return nil, fmt.Errorf("<%s> is not closed", open[len(open)-1].name)
	}
	return root, nil
}

func cutText(page string) (text, rest string) {
	if end := strings.IndexByte(page, '<'); end >= 0 {
		return page[:end], page[end:]
	}
	return page, ""
}

// escaped fails unless all in a text that could be taken for markup is an entity.
func escaped(text string) error {
	for i := range len(text) {
		if text[i] == '>' || text[i] == '&' && !entity.MatchString(text[i:]) {
			return fmt.Errorf("a bare mark in the text: %.80q", text[i:])
		}
	}
	return nil
}

// step opens or closes an element.
func step(open []*node, closes bool, name, attributes string, empty bool) ([]*node, error) {
	top := open[len(open)-1]
	if top.name == "option" && (closes != (name == "option")) { // its end need not be written
		open = open[:len(open)-1]
		top = open[len(open)-1]
	}
	if closes {
		if top.name != name {
			return nil, fmt.Errorf("</%s> in <%s>", name, top.name)
		}
		return open[:len(open)-1], nil
	}
	n := &node{name: name, attr: make(map[string]string)}
	for _, m := range attribute.FindAllStringSubmatch(attributes, -1) {
		if _, twice := n.attr[m[1]]; twice {
			return nil, fmt.Errorf("%s is there twice", m[1])
		}
		if err := escaped(m[2]); err != nil {
			return nil, err
		}
		n.attr[m[1]] = html.UnescapeString(m[2])
	}
	top.children = append(top.children, n)
	if empty || slices.Contains(void, name) {
		return open, nil
	}
	return append(open, n), nil
}

// all goes through the elements of this name below n, all elements if it is empty.
func (n *node) all(name string) iter.Seq[*node] {
	return func(yield func(*node) bool) { n.walk(name, yield) }
}

func (n *node) walk(name string, yield func(*node) bool) bool {
	for _, c := range n.children {
		if c.name != "" && (name == "" || c.name == name) && !yield(c) || !c.walk(name, yield) {
			return false
		}
	}
	return true
}

// words are the texts in n, one behind another.
func (n *node) words() string {
	all := n.text
	for _, c := range n.children {
		all += c.words()
	}
	return all
}

// wellMade holds a page to what every page must be: for who reads it with a screen
// reader, and under its content-security policy.
func (s *sheet) wellMade(t *testing.T) {
	t.Helper()
	complain := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: "+format, append([]any{s.target}, args...)...)
	}
	ids := make(map[string]bool)
	for n := range s.root.all("") {
		if id, ok := n.attr["id"]; ok && (ids[id] || id == "") {
			complain("the id %q is there twice, or empty", id)
		}
		ids[n.attr["id"]] = true
	}
	counts := make(map[string]int)
	for n := range s.root.all("") {
		counts[n.name]++
		for _, to := range []string{"for", "list", "aria-labelledby", "aria-describedby", "aria-controls"} {
			for id := range strings.FieldsSeq(n.attr[to]) {
				if !ids[id] {
					complain("%s of <%s> points to %q, which is not there", to, n.name, id)
				}
			}
		}
		if fault := n.fault(); fault != "" {
			complain("<%s %v>: %s", n.name, n.attr, fault)
		}
	}
	for _, once := range []string{"h1", "main", "title", "html"} {
		if counts[once] != 1 {
			complain("%d of <%s>", counts[once], once)
		}
	}
}

// fault is what is wrong with an element by itself, in words.
func (n *node) fault() string {
	for name, value := range n.attr {
		switch {
		case name == "style" || strings.HasPrefix(name, "on"):
			return "the policy forbids " + name
		case (name == "href" || name == "src" || name == "action") && !ownAddress(n.name, value):
			return name + " leads elsewhere: " + value
		}
	}
	switch n.name {
	case "style":
		return "the policy forbids styles in a page"
	case "script":
		if n.attr["src"] == "" || n.words() != "" {
			return "the policy forbids scripts in a page"
		}
	case "form":
		if n.attr["action"] == "" || n.attr["method"] != "post" && n.attr["method"] != "get" {
			return "it does not say what it does"
		}
	case "html":
		if n.attr["lang"] == "" {
			return "it has no language"
		}
	case "section", "nav", "svg":
		if n.attr["aria-label"]+n.attr["aria-labelledby"] == "" {
			return "it has no name"
		}
	case "label":
		if n.attr["for"] == "" && !n.holdsField() {
			return "it labels nothing"
		}
	}
	return ""
}

func (n *node) holdsField() bool {
	return slices.ContainsFunc(slices.Collect(n.all("")), func(c *node) bool { return c.name == "input" || c.name == "select" })
}

// ownAddress reports whether an address is this site's; an icon may be in the page.
func ownAddress(name, address string) bool {
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") || strings.HasPrefix(address, "#") ||
		name == "link" && strings.HasPrefix(address, "data:image/")
}
