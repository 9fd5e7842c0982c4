package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// release and commit are set by the linker: see the Makefile.
var release, commit string

// versionCommand prints what this binary is made of.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run() error {
	fmt.Printf("holdfast %s, commit %s, %s, %s\n", version(), cmp.Or(commit, "unknown"), runtime.Version(), libraries())
	return nil
}

// version is the release, or what the Go tool knows of a build without one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return cmp.Or(release, info.Main.Version)
	}
	return cmp.Or(release, "development")
}
