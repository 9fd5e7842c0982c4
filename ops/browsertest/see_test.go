//go:build browser

package browsertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// sees waits until the page's text, as a reader sees it, has all of these parts.
func (v *visitor) sees(parts ...string) {
	v.t.Helper()
	v.reads("document.body", parts...)
}

// seesIn waits until the section under a heading has all of these parts.
func (v *visitor) seesIn(heading string, parts ...string) {
	v.t.Helper()
	v.reads(section(heading), parts...)
}

// section is the element that the heading is the heading of, as an expression.
func section(heading string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("h1, h2, h3")].find(h => h.innerText.trim() === %s)?.closest("section, form, main")`, strconv.Quote(heading))
}

// reads waits until the text of an element, given as an expression, has these parts.
func (v *visitor) reads(element string, parts ...string) {
	v.t.Helper()
	v.until(fmt.Sprintf("%q in %s", parts, element), func(ctx context.Context) error {
		text, err := js[*string](ctx, "("+element+")?.innerText ?? null")
		if err != nil {
			return err
		}
		if text == nil {
			return errors.New("there is no such part of the page")
		}
		for _, part := range parts {
			if !strings.Contains(plain(*text), plain(part)) {
				return fmt.Errorf("%q is not there", part)
			}
		}
		return nil
	})
}

// plain is text with its white space made one blank each.
func plain(text string) string { return strings.Join(strings.Fields(text), " ") }

// finds waits until an expression is true.
func (v *visitor) finds(expression string) {
	v.t.Helper()
	v.until(expression, func(ctx context.Context) error {
		holds, err := js[bool](ctx, expression)
		if err == nil && !holds {
			err = errors.New("it is not so")
		}
		return err
	})
}

// seesStatus waits until the page is an order's, and it has this status.
func (v *visitor) seesStatus(status string) {
	v.t.Helper()
	v.finds(fmt.Sprintf(`document.querySelector("main .lead [data-status]")?.dataset.status === %q`, status))
}

// arrives waits until the window shows the page at a path of the shop.
func (v *visitor) arrives(path string) {
	v.t.Helper()
	v.finds(fmt.Sprintf(`location.href === %q && document.readyState === "complete"`, v.url+path))
}

// path is where in the shop the window is, with its query.
func (v *visitor) path() string {
	v.t.Helper()
	path, err := js[string](v.ctx, "location.pathname + location.search")
	v.check(err)
	return path
}
