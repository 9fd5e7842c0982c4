//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is how long anything on a page may take to come about. It is long, since a
// machine that runs tests may be slow; who waits gets on as soon as it has come.
const patience = time.Minute

// glance is how often a visitor looks while waiting.
const glance = 25 * time.Millisecond

// visitor is a person at a browser window: with cookies and storage of its own.
type visitor struct {
	t          *testing.T
	ctx        context.Context
	url        string // of the shop
	complaints complaints
}

// view is what a window looks like.
type view struct {
	Width, Height int64 // of the page, in CSS pixels
	Dark, Still   bool  // prefers a dark page; prefers reduced motion
}

// The windows in which the pages are looked at.
var (
	desk   = view{Width: 1440, Height: 900}
	tablet = view{Width: 1024, Height: 768}
	phone  = view{Width: 390, Height: 844}
	narrow = view{Width: 320, Height: 640} // WCAG 2.2, 1.4.10: nobody scrolls to the side
)

func (w view) dark() view { w.Dark = true; return w }

// String names the window, as a file's name can.
func (w view) String() string {
	name := fmt.Sprint(w.Width)
	if w.Dark {
		name += "-dark"
	}
	return name
}

// visit opens a window for a visitor of the shop at the URL. When the test is over it
// fails if the browser had anything to complain of.
func visit(t *testing.T, url string) *visitor {
	t.Helper()
	v := &visitor{t: t, url: url, complaints: complaints{home: url}}
	ctx, leave := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(v.complaints.hear))
	t.Cleanup(leave)
	v.ctx = ctx
	v.check(chromedp.Do(ctx))
	v.use(desk)
	t.Cleanup(func() {
		for _, complaint := range v.complaints.all() {
			t.Errorf("the browser complains: %s", complaint)
		}
	})
	return v
}

// use changes the window.
func (v *visitor) use(w view) {
	v.t.Helper()
	scheme, motion := "light", "no-preference"
	if w.Dark {
		scheme = "dark"
	}
	if w.Still {
		motion = "reduce"
	}
	_, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	v.check(err)
	handheld := func(screen *emulation.SetDeviceMetricsOverrideParams, _ *emulation.SetTouchEmulationEnabledParams) {
		screen.Mobile = w.Width < tablet.Width
	}
	v.check(chromedp.Do(v.ctx, chromedp.EmulateViewport(w.Width, w.Height, handheld)))
}

// goTo opens a page of the shop.
func (v *visitor) goTo(path string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(v.url+path)); err != nil {
		v.t.Fatalf("opening %s: %v", path, err)
	}
}

// until waits until try does what it should, and fails with its last error if that
// does not come about.
func (v *visitor) until(what string, try func(context.Context) error) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			last = err // else it says only that time is up
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			v.despair(what, last)
		}
	}
}

// despair ends the test with what is seen instead, and a picture of it.
func (v *visitor) despair(what string, last error) {
	v.t.Helper()
	location, _ := js[string](v.ctx, "location.href")
	text, _ := js[string](v.ctx, "document.body.innerText")
	name := filepath.Join("../../build/browsertest", strings.ReplaceAll(v.t.Name(), "/", "-")+".png")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err == nil {
		v.picture(name)
	}
	v.t.Fatalf("%s: %v\nat %s, pictured in %s:\n%s", what, last, location, name, text[:min(len(text), 4000)])
}

// picture takes a picture of the page from top to bottom, a PNG.
func (v *visitor) picture(name string) {
	v.t.Helper()
	png, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(name, png, 0o644)
	}
	if err != nil {
		v.t.Errorf("picture %s: %v", name, err)
	}
}

// js evaluates an expression in the page.
func js[T any](ctx context.Context, expression string) (T, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

func (v *visitor) check(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}
