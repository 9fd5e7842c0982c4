package load

import (
	"net/url"
	"testing"
)

func TestAURLWithoutAPortHasItsSchemes(t *testing.T) {
	for text, want := range map[string]string{
		"https://shop.example":  "shop.example:443",
		"https://[::1]":         "[::1]:443",
		"http://127.0.0.1:8000": "127.0.0.1:8000",
	} {
		server, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(server, "443"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
