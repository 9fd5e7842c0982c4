package load

import (
	"context"
	"errors"
	"io"
	"time"
)

// Servers are the processes of one Holdfast, in the order in which they are
// stopped. The first is the one that clients use.
type Servers []*Server

// anywhere are the flags of a process on a free port of this machine.
func anywhere(flags []string) []string {
	return append([]string{"--addr", "127.0.0.1:0"}, flags...)
}

// StartOne runs Holdfast in one process on a free port, with the flags given.
func StartOne(ctx context.Context, binary string, logs io.Writer, flags ...string) (Servers, error) {
	s, err := Start(ctx, binary, logs, "serve", anywhere(flags)...)
	if err != nil {
		return nil, err
	}
	return Servers{s}, nil
}

// StartSplit runs Holdfast as a process a service, each on a free port and with the
// flags given; what they say is set up. logs must bear writes of several processes
// at once, as a file does.
func StartSplit(ctx context.Context, binary string, logs io.Writer, flags ...string) (all Servers, err error) {
	defer func() {
		if err != nil {
			all.Kill()
		}
	}()
	for _, service := range []string{"payment", "inventory", "order"} {
		own := anywhere(flags)
		if service == "order" {
			own = append(own, "--inventory-url", all[0].URL, "--payment-url", all[1].URL)
		}
		s, err := Start(ctx, binary, logs, service, own...)
		if err != nil {
			return all, err
		}
		all = append(Servers{s}, all...)
	}
	return all, nil
}

// URL is where clients reach them.
func (s Servers) URL() string { return s[0].URL }

// Stop asks one after the other to end as an operator would, and waits for it.
func (s Servers) Stop() error {
	var errs []error
	for _, server := range s {
		errs = append(errs, server.Stop())
	}
	return errors.Join(errs...)
}

// Kill ends all with SIGKILL.
func (s Servers) Kill() {
	for _, server := range s {
		server.Kill()
	}
}

// Usage is what all together took from the machine, each at its own peak; known
// once they have ended.
func (s Servers) Usage() (peakRSS int64, cpu time.Duration) {
	for _, server := range s {
		p, c := server.Usage()
		peakRSS, cpu = peakRSS+p, cpu+c
	}
	return peakRSS, cpu
}
