package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// figure finds in a part's output what is worth telling; empty if it is not there.
type figure func(output string) string

// last tells the last line that matches.
func last(pattern string) figure {
	re := regexp.MustCompile(pattern)
	return func(output string) string {
		found := re.FindAllString(output, -1)
		if len(found) == 0 {
			return ""
		}
		return strings.TrimSpace(found[len(found)-1])
	}
}

// sum adds up each number in parentheses over all that matches.
func sum(pattern, told string) figure {
	re := regexp.MustCompile(pattern)
	return func(output string) string {
		sums := make([]any, re.NumSubexp())
		for i := range sums {
			total := 0
			for _, found := range re.FindAllStringSubmatch(output, -1) {
				n, _ := strconv.Atoi(found[i+1]) // the pattern lets only digits pass
				total += n
			}
			sums[i] = total
		}
		return fmt.Sprintf(told, sums...)
	}
}

// count tells how often something matches.
func count(pattern, told string) figure {
	re := regexp.MustCompile(pattern)
	return func(output string) string { return fmt.Sprintf(told, len(re.FindAllString(output, -1))) }
}
