package main

import (
	"fmt"
	"net"
	"net/url"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// refuseEmpty fails for a flag or an argument that was typed but is empty, as an
// unset variable of a shell leaves it: it must not silently mean "none".
func refuseEmpty(command *kong.Context) error {
	for _, p := range command.Path {
		value := p.Positional
		if p.Flag != nil {
			value = p.Flag.Value
		}
		if value != nil && value.Target.Kind() == reflect.String && value.Target.String() == "" {
			return fmt.Errorf("%s is empty; give it a value, or leave it out", value.ShortSummary())
		}
	}
	return nil
}

// checkShare fails unless v is from 0 to 1; NaN is not.
func checkShare(flag string, v float64) error {
	if v >= 0 && v <= 1 {
		return nil
	}
	return fmt.Errorf("%s is a share from 0 to 1, not %v", flag, v)
}

// checkURL fails unless the flag says where a server answers.
func checkURL(flag, server string) error {
	u, err := url.Parse(server)
	if err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		return nil
	}
	if _, _, err := net.SplitHostPort(server); err == nil && !strings.Contains(server, "://") {
		return fmt.Errorf("%s %s lacks its scheme; write it as http://%s", flag, server, server)
	}
	return fmt.Errorf("%s %q is not the URL of a server; write it as http://127.0.0.1:8000", flag, server)
}
