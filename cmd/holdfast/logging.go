package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// logging are the flags that say how a process logs, on standard error.
type logging struct {
	LogFormat string     `enum:"auto,text,json" default:"auto" help:"text for a person, json for a program; auto: text on a terminal."`
	LogLevel  slog.Level `default:"info" help:"Least level that is logged: debug, info, warn or error."`
}

func (l logging) logger() *slog.Logger {
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	if l.LogFormat == "json" || l.LogFormat == "auto" && !terminal {
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l.LogLevel}))
	}
	return slog.New(tint.NewTextHandler(os.Stderr, &tint.Options{Level: l.LogLevel, TimeFormat: time.TimeOnly + ".000", NoColor: !terminal}))
}
