package client

import "fmt"

// Problem is an error as RFC 9457 has it: the body of every answer that is not a
// success.
type Problem struct {
	Type   string       `json:"type" format:"uri-reference" example:"urn:holdfast:problem:invalid" doc:"Names the kind of problem; stable, for programs."`
	Title  string       `json:"title" example:"The request is not valid" doc:"The kind of problem in words."`
	Status int          `json:"status" minimum:"400" maximum:"599" example:"422" doc:"The HTTP status."`
	Detail string       `json:"detail" example:"the order is not valid; see errors" doc:"What is wrong here, and what to do."`
	Errors []FieldError `json:"errors,omitempty" nullable:"false" doc:"The offending places, where the request has places."`
}

// FieldError names one offending place of a request.
type FieldError struct {
	Location string `json:"location" example:"body.items[0].qty" doc:"The place: starts with body, query, path or header."`
	Message  string `json:"message" example:"must be a whole number from 1 to 10000" doc:"What is wrong there."`
	Value    any    `json:"value,omitempty" doc:"What was found there, if that is short and no secret."`
}

// Error is the title, the detail and every offending place that the detail has
// not told already, in one line.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s", p.Status, p.Title)
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, e := range p.Errors {
		if p.Detail == e.Message || p.Detail == e.Location+" "+e.Message {
			continue
		}
		text += fmt.Sprintf("; %s %s", e.Location, e.Message)
	}
	return text
}
