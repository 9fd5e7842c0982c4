//go:build browser

package browsertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The roles of what a visitor works with, as chromium names them.
const (
	link       = "link"
	button     = "button"
	disclosure = "DisclosureTriangle" // the summary of a details element
	checkbox   = "checkbox"
)

// everywhere is the whole page.
const everywhere = "document"

// fields are the roles of what takes a value.
var fields = []string{"textbox", "searchbox", "spinbutton", "combobox"}

// click clicks the one thing of the role that has this name, with the mouse, once
// nothing lies over it.
func (v *visitor) click(role, name string) {
	v.t.Helper()
	v.clickIn(everywhere, []string{role}, name)
}

// turnTo opens a page by its link on top of each page.
func (v *visitor) turnTo(page string) {
	v.t.Helper()
	v.clickIn(`document.querySelector("header nav")`, []string{link}, page)
	v.reads("document.querySelector('h1')", page)
}

func (v *visitor) clickIn(within string, roles []string, name string) {
	v.t.Helper()
	v.until(fmt.Sprintf("clicking the %s %q", roles[0], name), func(ctx context.Context) error {
		node, err := find(ctx, within, roles, name)
		if err != nil {
			return err
		}
		if _, err := on[chromedp.Void](ctx, node, guarded); err != nil {
			return err
		}
		x, y, err := spot(ctx, node)
		if err != nil {
			return err
		}
		if err := chromedp.Do(ctx, chromedp.MouseClickXY(x, y)); err != nil {
			return err
		}
		if missed, err := js[bool](ctx, "window.missed === true"); err == nil && missed { // else another page has come
			return errors.New("it moved away under the mouse")
		}
		return nil
	})
}

// guarded has the next click go to the element or its label, or nowhere: the page is
// live, and may move between a look and a click.
const guarded = `function() {
	window.missed = false
	const judge = (event) => {
		if ([this, ...this.labels ?? []].some(e => e.contains(event.target))) return
		window.missed = true
		event.preventDefault()
		event.stopImmediatePropagation()
	}
	for (const kind of ["mousedown", "mouseup", "click"]) addEventListener(kind, judge, {capture: true, once: true})
}`

// find is the one thing within an element, given as an expression, that has one of the
// roles and the name. It fails with what else there is, and if there are several.
func find(ctx context.Context, within string, roles []string, name string) (cdp.BackendNodeID, error) {
	var found []cdp.BackendNodeID
	var others []string
	for _, role := range roles {
		nodes, err := ofRole(ctx, within, role)
		if err != nil {
			return 0, err
		}
		for _, node := range nodes {
			if called := text(node.Name); called == name {
				found = append(found, node.BackendDOMNodeID)
			} else {
				others = append(others, called)
			}
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d have this name; the others are called %q", len(found), others)
	}
	return found[0], nil
}

// ofRole is what within an element has the role, in the order of the page; what is
// hidden is left out.
func ofRole(ctx context.Context, within, role string) ([]*accessibility.Node, error) {
	root, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: within})
	if err != nil {
		return nil, err
	}
	answer, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.Result.ObjectID, Role: role})
	hidden := func(n *accessibility.Node) bool { return n.Ignored }
	return slices.DeleteFunc(answer.Nodes, hidden), err
}

// text is a value of the accessibility tree.
func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}

// onTop tells whether a click at a point reaches the element or its label.
const onTop = `function(x, y) {
	const hit = document.elementFromPoint(x, y)
	return hit !== null && (this.contains(hit) || [...this.labels ?? []].some(l => l.contains(hit)))
}`

// spot is a point of the window at which a click reaches the node, scrolled into
// view.
func spot(ctx context.Context, node cdp.BackendNodeID) (x, y float64, err error) {
	if _, err := chromedp.Call(ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: node}); err != nil {
		return 0, 0, err
	}
	shape, err := chromedp.Call(ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node})
	if err != nil {
		return 0, 0, err
	}
	if len(shape.Quads) == 0 {
		return 0, 0, errors.New("it cannot be seen")
	}
	corners := shape.Quads[0]
	x, y = (corners[0]+corners[4])/2, (corners[1]+corners[5])/2
	reached, err := on[bool](ctx, node, onTop, x, y)
	if err == nil && !reached {
		err = errors.New("something lies over it")
	}
	return x, y, err
}

// on calls a function of JavaScript with the node as this.
func on[T any](ctx context.Context, node cdp.BackendNodeID, function string, args ...any) (T, error) {
	var none T
	resolved, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node})
	if err != nil {
		return none, err
	}
	of := func(p *runtime.CallFunctionOnParams) { p.ObjectID = resolved.Object.ObjectID }
	return chromedp.Run(ctx, chromedp.CallFunctionOn[T](function, of, args...))
}

// fill writes a value into the field with this label, in place of what is there.
func (v *visitor) fill(label, value string) {
	v.t.Helper()
	v.fillIn(everywhere, label, value)
}

func (v *visitor) fillIn(within, label, value string) {
	v.t.Helper()
	v.clickIn(within, fields, label)
	v.until("filling "+label, func(ctx context.Context) error {
		node, err := find(ctx, within, fields, label)
		if err == nil {
			_, err = on[chromedp.Void](ctx, node, "function() { this.focus(); this.select() }")
		}
		if err == nil {
			_, err = chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: value})
		}
		return err
	})
}

// chosen picks the option of a select element that has the label given.
const chosen = `function(label) {
	const option = [...this.options].find(o => o.label.trim() === label)
	if (!option) return false
	this.value = option.value
	this.dispatchEvent(new Event("input", {bubbles: true}))
	this.dispatchEvent(new Event("change", {bubbles: true}))
	return true
}`

// choose picks an option of the list with this label.
func (v *visitor) choose(label, option string) {
	v.t.Helper()
	v.until("choosing "+option, func(ctx context.Context) error {
		node, err := find(ctx, everywhere, fields, label)
		if err != nil {
			return err
		}
		picked, err := on[bool](ctx, node, chosen, option)
		if err == nil && !picked {
			err = errors.New("there is no such option")
		}
		return err
	})
}

// names are what the things of a role are called, in the order of the page.
func (v *visitor) names(role string) (names []string) {
	v.t.Helper()
	v.until("reading names", func(ctx context.Context) error {
		nodes, err := ofRole(ctx, everywhere, role)
		names = nil
		for _, node := range nodes {
			names = append(names, text(node.Name))
		}
		return err
	})
	return names
}

// tabTo presses Tab until the thing with the name has the focus, which must show.
func (v *visitor) tabTo(name string) {
	v.t.Helper()
	passed := make(map[string]int)
	v.until("coming to "+name+" by Tab", func(ctx context.Context) error {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(kb.Tab)); err != nil {
			return err
		}
		called, err := focused(ctx)
		if err == nil && called != name {
			passed[called]++
			err = fmt.Errorf("it leads over %v", passed)
		}
		return err
	})
	v.wantFocusSeen(name)
}

// press presses keys.
func (v *visitor) press(keys string) {
	v.t.Helper()
	v.check(chromedp.Do(v.ctx, chromedp.KeyEvent(keys)))
}

// write types into what has the focus, in place of what is there.
func (v *visitor) write(value string) {
	v.t.Helper()
	v.check(chromedp.Do(v.ctx, chromedp.Evaluate[chromedp.Void]("document.activeElement.select()")))
	v.press(value)
}

// focused is what the thing with the focus is called. It fails while a page comes up.
func focused(ctx context.Context) (string, error) {
	active, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.activeElement"})
	if err != nil {
		return "", err
	}
	relatives := false
	tree, err := chromedp.Call(ctx, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: active.Result.ObjectID, FetchRelatives: &relatives})
	if err != nil || len(tree.Nodes) == 0 {
		return "", err
	}
	return text(tree.Nodes[0].Name), nil
}

// focusSeen tells whether the focus of the active element shows.
const focusSeen = `(() => {
	const style = getComputedStyle(document.activeElement)
	return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none"
})()`

func (v *visitor) wantFocusSeen(name string) {
	v.t.Helper()
	if seen, err := js[bool](v.ctx, focusSeen); err != nil || !seen {
		v.t.Errorf("nothing shows that %q has the focus; %v", name, err)
	}
}
