//go:build browser

package browsertest

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// complaints are what a browser tells of a page that it should not have to: errors and
// warnings, breaches of the content security policy, dialogs, requests to other hosts.
type complaints struct {
	home string // the URL below which requests may go

	mu       sync.Mutex
	heard    []string
	expected []string
}

// hear takes an event of the browser's.
func (c *complaints) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type != "log" && e.Type != "info" && e.Type != "debug" {
			c.add("console.%s: %s", e.Type, words(e.Args))
		}
	case *runtime.EventExceptionThrown:
		c.add("exception: %s %s", e.ExceptionDetails.Text, words([]*runtime.RemoteObject{e.ExceptionDetails.Exception}))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			c.add("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		c.add("a dialog opens: %s", e.Message)
	case *network.EventRequestWillBeSent:
		if !c.atHome(e.Request.URL) {
			c.add("a request to another host: %s", e.Request.URL)
		}
	}
}

// words are what a page wrote on the console.
func words(args []*runtime.RemoteObject) string {
	var all []string
	for _, arg := range args {
		if arg != nil {
			all = append(all, strings.Trim(string(arg.Value), `"`)+arg.Description)
		}
	}
	return strings.Join(all, " ")
}

// atHome tells whether a request stays with the shop, or leaves no machine.
func (c *complaints) atHome(address string) bool {
	to, err := url.Parse(address)
	if err != nil {
		return false
	}
	home, err := url.Parse(c.home)
	return err == nil && (to.Host == home.Host || to.Scheme == "data" || to.Scheme == "blob" || to.Scheme == "about")
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, fmt.Sprintf(format, args...))
}

// expect has those go unsaid that contain the text.
func (c *complaints) expect(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = append(c.expected, text)
}

// all are those that nobody expected.
func (c *complaints) all() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, complaint := range c.heard {
		if !c.isExpected(complaint) {
			all = append(all, complaint)
		}
	}
	return all
}

func (c *complaints) isExpected(complaint string) bool {
	for _, text := range c.expected {
		if strings.Contains(complaint, text) {
			return true
		}
	}
	return false
}
