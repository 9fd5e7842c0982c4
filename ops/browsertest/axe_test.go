//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

// barrier is what axe-core finds that keeps somebody from using a page.
type barrier struct {
	Rule   string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"` // where, each with what is wrong
}

func (b barrier) String() string {
	return fmt.Sprintf("%s (%s): %s\n\t%s", b.Rule, b.Impact, b.Help, strings.Join(b.Nodes, "\n\t"))
}

// grave runs axe-core, and keeps of what it finds what is serious or critical.
const grave = `axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations
	.filter(v => v.impact === "serious" || v.impact === "critical")
	.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " "))})))`

// barriers are the grave ones of the page that is open. The script comes from outside
// the page, where no content security policy stops it.
func (v *visitor) barriers() []barrier {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	v.check(chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](axe)))
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]barrier](grave, chromedp.EvalAwaitPromise))
	v.check(err)
	return found
}

// wantNoBarriers fails if the page that is open keeps anybody from using it.
func (v *visitor) wantNoBarriers(at string) {
	v.t.Helper()
	for _, b := range v.barriers() {
		v.t.Errorf("%s: %s", at, b)
	}
}
