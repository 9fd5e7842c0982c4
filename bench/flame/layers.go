package main

import "strings"

// layer is a part of the system that has a colour of its own.
type layer struct {
	name   string
	colour string
}

var (
	door      = layer{"API and keys", "#f2a154"}
	web       = layer{"net/http, huma, JSON", "#f8d48f"}
	orders    = layer{"order", "#7db4ea"}
	stock     = layer{"inventory", "#8ccf95"}
	money     = layer{"payment, gateway", "#c6a0e8"}
	passing   = layer{"events, queues, workers", "#7fd0cc"}
	engine    = layer{"our SQLite engine", "#f2a3ae"}
	sqlite    = layer{"SQLite", "#dd7582"}
	collector = layer{"Go runtime, GC", "#cfcfcf"}
	kernel    = layer{"system calls", "#9fb0c4"}
	elsewhere = layer{"other", "#ece6d8"}
)

// layers lists them in the order of the legend.
var layers = []layer{door, web, orders, stock, money, passing, engine, sqlite, collector, kernel, elsewhere}

// helps reports whether a layer works for others, and so is charged to them.
func (l layer) helps() bool { return l == collector || l == kernel || l == elsewhere }

// homes says to which layer what is in a package belongs, and in those below it,
// or a single function. The longest that fits counts.
var homes = map[string]layer{
	"holdfast/api":           door,
	"holdfast/keys":          door,
	"holdfast/order":         orders,
	"holdfast/inventory":     stock,
	"holdfast/payment":       money,
	"holdfast/gateway":       money,
	"holdfast/event":         passing,
	"holdfast/worker":        passing,
	"holdfast/system":        passing,
	"holdfast/engine/memory": passing,
	"holdfast/engine":        engine,

	"modernc.org":      sqlite,
	"zombiezen.com/go": sqlite,

	"net":                                web,
	"bufio":                              web,
	"mime":                               web,
	"crypto/tls":                         web,
	"encoding/json":                      web,
	"internal/poll":                      web,
	"github.com/danielgtaylor/huma/v2":   web,
	"github.com/go-json-experiment/json": web,
	"runtime":                            collector,
	"internal/runtime":                   collector,
	"internal/bytealg":                   collector,
	"internal/sync":                      collector,
	"sync":                               collector,

	"syscall":                  kernel,
	"golang.org/x/sys":         kernel,
	"internal/runtime/syscall": kernel,
	"internal/syscall":         kernel,
	"runtime.futex":            kernel,
	"runtime.madvise":          kernel,
	"runtime.nanosleep":        kernel,
	"runtime.osyield":          kernel,
	"runtime.read":             kernel,
	"runtime.sysMmap":          kernel,
	"runtime.sysMunmap":        kernel,
	"runtime.tgkill":           kernel,
	"runtime.usleep":           kernel,
	"runtime.write1":           kernel,
}

// layerOf is the layer that a function belongs to.
func layerOf(function string) layer {
	if l, ok := homes[function]; ok {
		return l
	}
	path, _ := split(function)
	if path == "" {
		return collector // its assembly routines have no package
	}
	for ; path != ""; path = parent(path) {
		if l, ok := homes[path]; ok {
			return l
		}
	}
	return elsewhere
}

// parent is the path of the folder that a package's folder lies in.
func parent(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// split takes a function's name into the path of its package, empty if it has
// none, and its name in there.
func split(function string) (path, name string) {
	function = strings.ReplaceAll(function, "%2e", ".") // a dot in the path's last element
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return "", function
	}
	return function[:slash+dot], function[slash+dot+1:]
}

// plain is a function's name without type arguments, which in a profile are no
// more than shapes.
func plain(function string) string {
	var b strings.Builder
	depth := 0
	for _, r := range function {
		switch {
		case r == '[':
			depth++
		case r == ']' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// short is what stands in a frame: the package's name and the function's.
func short(function string) string {
	path, name := split(function)
	name = strings.NewReplacer("(*", "", ")", "").Replace(name)
	if path == "" || path == "modernc.org/sqlite/lib" {
		return strings.TrimPrefix(name, "_")
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	if version(last) {
		path = parent(path)
		last = path[strings.LastIndexByte(path, '/')+1:]
	}
	return last + "." + name
}

// version reports whether the last element of a path is a module's major version.
func version(element string) bool {
	digits, ok := strings.CutPrefix(element, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
