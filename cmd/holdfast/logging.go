package main

import (
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// logging are the flags that say how a process logs, on standard error.
type logging struct {
	LogFormat string `enum:"auto,text,json" default:"auto" help:"text for a person, json for a program; auto: text on a terminal."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error."`
	LogRate   int    `default:"200" help:"Lines about orders logged in a second at most; 0: all."`
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Validate checks the flags' bounds.
func (l logging) Validate() error {
	if l.LogRate < 0 {
		return errors.New("--log-rate is 0 or more")
	}
	return nil
}

func (l logging) logger() *slog.Logger {
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	level := levels[l.LogLevel]
	if l.LogFormat == "json" || l.LogFormat == "auto" && !terminal {
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(os.Stderr, &tint.Options{Level: level, TimeFormat: time.TimeOnly + ".000", NoColor: !terminal, ReplaceAttr: forPeople}))
}

// forPeople leaves out what only a program follows: a person has the order's id.
func forPeople(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == "event_id" || a.Key == "trace_id") {
		return slog.Attr{}
	}
	return a
}
