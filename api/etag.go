package api

import (
	"strconv"
	"strings"
)

// etag is the strong entity tag of a version (RFC 9110, section 8.8.3).
func etag[N int | int64](version N) string {
	return `"` + strconv.FormatInt(int64(version), 10) + `"`
}

// anyTag is what If-Match and If-None-Match name any state by.
const anyTag = "*"

// matchesStrong reports whether an If-Match header selects the tag. Our tags
// hold no commas, so a list can be cut at each.
func matchesStrong(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		if c := strings.TrimSpace(candidate); c == tag || c == anyTag {
			return true
		}
	}
	return false
}

// matchesWeak is matchesStrong for If-None-Match, which compares weakly.
func matchesWeak(header, tag string) bool {
	return matchesStrong(strings.ReplaceAll(header, "W/", ""), tag)
}
