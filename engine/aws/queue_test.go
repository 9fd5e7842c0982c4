package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/event"
)

// sizes are how many entries each request has, in ascending order: requests of
// one call go out in any.
func sizes(calls []sqsCall) []int {
	all := make([]int, len(calls))
	for i, c := range calls {
		all[i] = len(c.Entries)
	}
	slices.Sort(all)
	return all
}

// wantWords fails unless err has the code and is one line that says all of that.
func wantWords(t *testing.T, err error, code event.Code, words ...string) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q does not say %q in one line", err, w)
		}
	}
}

func TestARequestCarriesTenMessages(t *testing.T) {
	q, f := queueWith(func(c sqsCall) any { return done(c) })
	if err := q.Send(t.Context(), settlements(25)); err != nil {
		t.Fatal(err)
	}
	if got := sizes(f.made()); !slices.Equal(got, []int{5, 10, 10}) {
		t.Errorf("requests of %v entries, want 10, 10 and 5", got)
	}
	var ids []string
	for _, c := range f.made() {
		for _, e := range c.Entries {
			ids = append(ids, event.Decode(unwrap(e.MessageBody)).OrderID)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != 25 {
		t.Errorf("%d different events were sent, want 25", len(ids))
	}
}

func TestReceiptsGoTenToARequest(t *testing.T) {
	receipts := slices.Repeat([]string{"r"}, 21)
	for name, call := range map[string]func(*queue) error{
		"DeleteMessageBatch":           func(q *queue) error { return q.Ack(t.Context(), receipts...) },
		"ChangeMessageVisibilityBatch": func(q *queue) error { return q.Extend(t.Context(), time.Minute, receipts...) },
	} {
		q, f := queueWith(func(c sqsCall) any { return done(c) })
		if err := call(q); err != nil {
			t.Fatal(err)
		}
		if got := sizes(f.made()); !slices.Equal(got, []int{1, 10, 10}) || f.made()[0].op != name {
			t.Errorf("%s: requests of %v entries, want 10, 10 and 1", f.made()[0].op, got)
		}
	}
}

func TestCallsOfManyShareRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := queueWith(func(c sqsCall) any {
			time.Sleep(10 * time.Millisecond)
			return done(c)
		})
		var calls sync.WaitGroup
		for i := range 101 {
			calls.Go(func() {
				if err := q.Send(t.Context(), []event.Event{settled(i)}); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if n := len(f.made()); n != 11 {
			t.Errorf("%d requests for 101 events, want one for the first and ten for the others", n)
		}
	})
}

func TestACallerHearsOfItsOwnMessagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := queueWith(func(c sqsCall) any {
			time.Sleep(10 * time.Millisecond)
			for _, e := range c.Entries {
				if event.Decode(unwrap(e.MessageBody)).OrderID == settled(5).OrderID {
					return done(c, entryFailure{ID: e.ID, Code: "InvalidMessageContents", SenderFault: true})
				}
			}
			return done(c)
		})
		var calls sync.WaitGroup
		for i := range 9 {
			calls.Go(func() {
				if err := q.Send(t.Context(), []event.Event{settled(i)}); (err != nil) != (i == 5) {
					t.Errorf("Send of event %d: %v", i, err)
				}
			})
		}
		calls.Wait()
	})
}

func TestTheMessagesOfARequestStayWithinItsSize(t *testing.T) {
	q, f := queueWith(func(c sqsCall) any { return done(c) })
	events := []event.Event{bulky(maxBody - 1000), bulky(1000), bulky(1), bulky(maxBody), settled(1), settled(2)}
	if err := q.Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if got := sizes(f.made()); !slices.Equal(got, []int{1, 1, 2, 2}) {
		t.Errorf("requests of %v entries, want the first two, one, one and the last two", got)
	}
	for _, c := range f.made() {
		sum := 0
		for _, e := range c.Entries {
			sum += len(e.MessageBody)
		}
		if sum > maxBody {
			t.Errorf("a request of %d bytes", sum)
		}
	}
}

func TestAnEventThatIsTooLargeIsRefusedBeforeAnythingIsSent(t *testing.T) {
	q, f := queueWith(func(c sqsCall) any { return done(c) })
	large := bulky(maxBody + 1)
	err := q.Send(t.Context(), append(settlements(25), large))
	wantWords(t, err, event.Invalid, large.ID(), "262145", "262144")
	if n := len(f.made()); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestOnlyTheMessagesThatSQSFailedAtAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		q, f := queueWith(func(c sqsCall) any {
			if tries++; tries == 1 {
				return done(c, entryFailure{ID: "3", Code: "InternalError"}, entryFailure{ID: "7", Code: "ServiceUnavailable"})
			}
			return done(c)
		})
		if err := q.Send(t.Context(), settlements(10)); err != nil {
			t.Fatal(err)
		}
		calls := f.made()
		if len(calls) != 2 || len(calls[1].Entries) != 2 {
			t.Fatalf("requests of %v entries, want ten and two", sizes(calls))
		}
		for i, n := range []int{3, 7} {
			if got := event.Decode(unwrap(calls[1].Entries[i].MessageBody)).OrderID; got != settled(n).OrderID {
				t.Errorf("the event of %s was sent again, want that of %s", got, settled(n).OrderID)
			}
		}
	})
}

func TestMessagesThatSQSKeepsFailingAtAreAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := queueWith(func(c sqsCall) any { return failing(c, "InternalError", false) })
		wantWords(t, q.Send(t.Context(), settlements(2)), event.Unavailable, "shop-payment", "InternalError: so it says")
		if n := len(f.made()); n != maxTries {
			t.Errorf("%d tries, want %d", n, maxTries)
		}
	})
}

func TestARefusalIsTheMessagesFaultOrAnOutage(t *testing.T) {
	for code, want := range map[string]event.Code{
		"InvalidMessageContents": event.Invalid, "InvalidParameterValue": event.Invalid,
		"AccessDenied": event.Unavailable, "KmsDisabled": event.Unavailable,
	} {
		q, f := queueWith(func(c sqsCall) any { return failing(c, code, true) })
		wantWords(t, q.Send(t.Context(), settlements(2)), want, "shop-payment", code)
		if n := len(f.made()); n != 1 {
			t.Errorf("%s: %d tries of what is refused for good", code, n)
		}
	}
}

func TestAStaleReceiptIsNoError(t *testing.T) {
	for _, code := range stale {
		for name, call := range map[string]func(*queue) error{
			"Ack":    func(q *queue) error { return q.Ack(t.Context(), "r", "s") },
			"Extend": func(q *queue) error { return q.Extend(t.Context(), time.Minute, "r", "s") },
			"Retry":  func(q *queue) error { return q.Retry(t.Context(), event.Return{Receipt: "r"}) },
		} {
			q, f := queueWith(func(c sqsCall) any { return failing(c, code, true) })
			if err := call(q); err != nil || len(f.made()) != 1 {
				t.Errorf("%s: %s = %v after %d requests", code, name, err, len(f.made()))
			}
		}
	}
}

func TestReceiptsThatSQSFailedAtAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, call := range []func(*queue) error{
			func(q *queue) error { return q.Ack(t.Context(), "a", "b", "c") },
			func(q *queue) error { return q.Extend(t.Context(), time.Minute, "a", "b", "c") },
		} {
			tries := 0
			q, f := queueWith(func(c sqsCall) any {
				if tries++; tries == 1 {
					return done(c, entryFailure{ID: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true}, entryFailure{ID: "1", Code: "InternalError"})
				}
				return done(c)
			})
			err := call(q)
			if calls := f.made(); err != nil || len(calls) != 2 || len(calls[1].Entries) != 1 || calls[1].Entries[0].ReceiptHandle != "b" {
				t.Errorf("%v; requests: %+v; want the second for b alone", err, calls)
			}
		}
	})
}

func TestDelaysAreWholeSecondsRoundedUp(t *testing.T) {
	q, f := queueWith(func(c sqsCall) any { return done(c) })
	want := map[time.Duration]int{
		0: 0, -time.Second: 0, time.Millisecond: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60, 13 * time.Hour: 43200,
	}
	var returns []event.Return
	for d := range want {
		returns = append(returns, event.Return{Receipt: d.String(), After: d})
	}
	if err := q.Retry(t.Context(), returns...); err != nil {
		t.Fatal(err)
	}
	for _, e := range f.made()[0].Entries {
		d, err := time.ParseDuration(e.ReceiptHandle)
		if err != nil || e.VisibilityTimeout == nil || *e.VisibilityTimeout != want[d] {
			t.Errorf("%s is sent as %v, want %d", d, e.VisibilityTimeout, want[d])
		}
	}
}

func TestAnOutageOfSQSIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]any{
			"a 500": sqsFailure{500, "InternalFailure", "broken"}, "no connection": errors.New("connection refused"),
			"a refusal": sqsFailure{403, "AccessDenied", "not you"}, "no such queue": sqsFailure{400, "QueueDoesNotExist", "gone"},
		} {
			q, _ := queueWith(func(sqsCall) any { return answer })
			_, received := q.Receive(t.Context(), 10, time.Minute)
			_, deep := q.Depth(t.Context())
			for what, err := range map[string]error{
				"Send": q.Send(t.Context(), settlements(1)), "Ack": q.Ack(t.Context(), "r"), "Receive": received, "Depth": deep,
				"Retry": q.Retry(t.Context(), event.Return{}), "Extend": q.Extend(t.Context(), time.Second, "r"),
			} {
				if !errors.Is(err, event.Unavailable) || !strings.Contains(err.Error(), "shop-payment") {
					t.Errorf("%s: %s = %v, want Unavailable and the queue's name", name, what, err)
				}
			}
		}
	})
}

// hang is an answer that never comes: it ends with the request.
func hang(c sqsCall) any {
	<-c.request.Context().Done()
	return c.request.Context().Err()
}

func TestARequestThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := queueWith(hang)
		wantWords(t, q.Ack(t.Context(), "r"), event.Unavailable, "shop-payment")
		_, err := q.Receive(t.Context(), 10, time.Minute)
		wantWords(t, err, event.Unavailable, "shop-payment")
	})
}

func TestACallThatIsCancelledSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := queueWith(hang)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := q.Send(ctx, settlements(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Send = %v, want that it was cancelled", err)
		}
		time.Sleep(requestTime) // the request is given up too: nothing of it is left in the bubble
	})
}

func TestDepthIsWhatSQSSays(t *testing.T) {
	attributes := map[string]string{"ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "3"}
	q, _ := queueWith(func(sqsCall) any { return map[string]any{"Attributes": attributes} })
	d, err := q.Depth(t.Context())
	if want := (event.Depth{Ready: 7, InFlight: 3, Oldest: event.UnknownAge}); err != nil || d != want {
		t.Errorf("%+v, %v; want %+v", d, err, want)
	}
	delete(attributes, "ApproximateNumberOfMessagesNotVisible")
	_, err = q.Depth(t.Context())
	wantWords(t, err, event.Unavailable, "shop-payment", "ApproximateNumberOfMessagesNotVisible")
}

func TestOpenNamesTheQueueThatItCannotHave(t *testing.T) {
	for _, test := range []struct {
		answer any
		words  []string
	}{
		{sqsFailure{400, "QueueDoesNotExist", "The specified queue does not exist."}, []string{"shop-inventory", "eu-north-1", "holdfast setup --engine aws"}},
		{sqsFailure{403, "AccessDeniedException", "no policy allows sqs:GetQueueUrl"}, []string{"shop-inventory", "sqs:GetQueueUrl", "role"}},
		{sqsFailure{400, "InvalidAddress", "odd"}, []string{"shop-inventory", "odd"}},
	} {
		f := &fakeSQS{answer: func(c sqsCall) any {
			if c.QueueName == "shop-inventory" {
				return test.answer
			}
			return map[string]string{"QueueUrl": "https://example.com/1/" + c.QueueName}
		}}
		_, err := openQueues(t.Context(), f.core())
		wantWords(t, err, event.Unavailable, test.words...)
	}
}

func TestOpenFindsAQueueForEachService(t *testing.T) {
	f := &fakeSQS{answer: func(c sqsCall) any { return map[string]string{"QueueUrl": "https://example.com/1/" + c.QueueName} }}
	queues, err := openQueues(t.Context(), f.core())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range event.Services {
		if q := queues[s].(*queue); q.name != "shop-"+string(s) || q.url != "https://example.com/1/"+q.name {
			t.Errorf("%s: %s at %s", s, q.name, q.url)
		}
	}
}

func TestEveryMessageComesOutAsItWentIn(t *testing.T) {
	for text, plain := range map[string]bool{
		"a": true, " é\t\r\n€😀\ufffd\ue000\u007f ": true, `{"a": "é€"}`: true,
		"": false, "\x00": false, "\x0b": false, "\x1f": false, "\xff": false, "\ufffe": false, "\uffff": false,
		wrapped: false, wrapped + "AAAA": false, wrapped + "no base64": false,
	} {
		body := wrap([]byte(text))
		if (body == text) != plain {
			t.Errorf("%q is sent as %q", text, body)
		}
		if got := string(unwrap(body)); got != text {
			t.Errorf("%q came out as %q", text, got)
		}
	}
	if odd := wrapped + "no base64"; string(unwrap(odd)) != odd {
		t.Errorf("%s, sent by somebody else, came out as %q", odd, unwrap(odd))
	}
}
