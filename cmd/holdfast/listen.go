package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// hosting are the flags of a process that answers requests: where, and whose.
type hosting struct {
	Addr        string `placeholder:"${addr}" help:"Address to listen on; port 0 takes a free one. Any but a loopback address needs API keys: see keys --help."`
	RequireKeys bool   `help:"Refuse requests without an API key on a loopback address too."`
	TLSCert     string `name:"tls-cert" placeholder:"FILE" help:"Answer https with this certificate and its chain, in PEM; needs --tls-key. A change of the file needs a restart."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" help:"The certificate's private key, in PEM."`
}

// Validate checks what the flags alone can tell.
func (h hosting) Validate() error {
	if (h.TLSCert == "") != (h.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together: give both, or neither")
	}
	if h.Addr == "" {
		return nil
	}
	return checkAddr(h.Addr)
}

// checkAddr refuses what is no address.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--addr %q is no address: %w; write it as 127.0.0.1:8000", addr, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("--addr %q has no possible port; ports are 0 to 65535, as in 127.0.0.1:8000", addr)
	}
	return nil
}

// exposed reports whether others than this machine's own users can reach the
// process.
func (h hosting) exposed() bool {
	host, _, _ := net.SplitHostPort(h.Addr)
	ip := net.ParseIP(host)
	return h.Addr != "" && host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// needsKeys reports whether requests without an API key are refused.
func (h hosting) needsKeys() bool { return h.RequireKeys || h.exposed() }

// certificate reads what --tls-cert and --tls-key name; nil without them.
func (h hosting) certificate() (*tls.Config, error) {
	if h.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(h.TLSCert, h.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s cannot be used: %w; both are PEM files, and the key is the certificate's own", h.TLSCert, h.TLSKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// site is where a process answers.
type site struct {
	net.Listener
	url   string
	spare bool // a free port, because the standard one is taken
}

// listen opens --addr. Without one it opens the standard address, or where that
// is taken and spare set, a free port of this machine.
func (h hosting) listen(standard string, spare bool, certificate *tls.Config) (s site, err error) {
	addr := cmp.Or(h.Addr, standard)
	s.Listener, err = net.Listen("tcp", addr)
	if s.spare = spare && h.Addr == "" && errors.Is(err, syscall.EADDRINUSE); s.spare {
		s.Listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return site{}, fmt.Errorf("cannot listen on %s: %w; stop what listens there, or choose another address with --addr", addr, err)
	}
	s.url = "http://" + s.Addr().String()
	if certificate != nil {
		s.url = "https://" + s.Addr().String()
		s.Listener = tls.NewListener(s.Listener, certificate)
	}
	return s, nil
}

// serveHTTP answers requests until ctx ends, then finishes those under way; endWaits
// has those that wait for something end at once.
func serveHTTP(ctx context.Context, listener net.Listener, routes http.Handler, endWaits func(), log *slog.Logger) error {
	server := &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(endWaits)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the API stopped: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: finishing what is under way")
	bounded, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		log.Warn("some requests were cut off", "error", err)
		return server.Close()
	}
	return nil
}
