package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Serve SCIM",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), path, nil)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// serve runs until ctx ends, then finishes what it began. started is told the address when SCIM is being listened for.
func serve(ctx context.Context, path string, started func(scim string)) error {
	p, err := load(path, newLogger)
	if err != nil {
		return err
	}
	if p.config.Server.Workers > 0 {
		runtime.GOMAXPROCS(p.config.Server.Workers)
	}
	p.warn()
	w, err := build(ctx, p)
	if err != nil {
		p.close()
		return err
	}
	defer w.close()
	return w.run(ctx, started)
}

// firstContact is how long a start waits for the directories before it listens all the same, not ready: long enough that
// a mapping that does not fit stops an ordinary start before anybody is served.
const firstContact = 3 * time.Second

// lastMoments is how long a request whose connection was closed may take to come to its end. A write that has begun goes on without its client, and most end
// soon; of one that a slow directory holds up for longer, the journal has the intent, and nobody has said what came of it.
const lastMoments = 10 * time.Second

// drainPause is how long new requests are still answered after /ready has turned: whoever distributes them must have asked again to know.
const drainPause = time.Second

// run listens and serves until ctx ends or something breaks.
func (w *world) run(ctx context.Context, started func(scim string)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	connected := make(chan error, 1)
	go func() { connected <- w.connect(ctx) }()
	waiting := true
	select {
	case err := <-connected:
		switch {
		case ctx.Err() != nil:
			return nil // told to stop before anything was begun
		case err != nil:
			return err
		}
		waiting = false
	case <-time.After(firstContact):
	}

	if err := w.feed(); err != nil {
		return err
	}
	server, listener, err := w.listen(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	metrics, err := w.serveMetrics(ctx, failed)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	var beside sync.WaitGroup
	beside.Go(func() { w.upkeep(ctx) })
	beside.Go(func() { w.reconciling(ctx) })
	beside.Go(func() { w.drainSpool(ctx) })
	beside.Go(func() { w.backups.run(ctx) })
	defer func() {
		stop(nil)
		beside.Wait()
	}()
	w.log.Info("serving SCIM", "address", listener.Addr().String(), "base_path", w.config.Server.BasePath, "metrics", metrics.Addr, "version", buildVersion())
	if started != nil {
		started(listener.Addr().String())
	}
	err = w.wait(ctx, waiting, connected, failed)
	return errors.Join(err, w.shutdown(server, metrics))
}

// wait gives the reason for stopping: nil when ctx ended.
func (w *world) wait(ctx context.Context, waiting bool, connected, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return closeErr(err)
		case err := <-connected:
			if waiting && err != nil && ctx.Err() == nil {
				return err
			}
			connected = nil
		}
	}
}

// listenError is that the port for SCIM cannot be had.
type listenError struct{ error }

func (e listenError) Error() string { return "server.port: " + e.error.Error() }
func (e listenError) Unwrap() error { return e.error }

// gate lets requests in until it is shut. What they use must not be closed while they use it, and a connection that is closed does not end its handler.
type gate struct {
	http.Handler
	inside sync.RWMutex // read-locked by each request
	isShut bool         // guarded by inside
}

// ServeHTTP answers a request, or nothing when the gate is shut: then there is no connection any more that could carry an answer.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.inside.TryRLock() { // somebody waits to shut it
		panic(http.ErrAbortHandler)
	}
	defer g.inside.RUnlock()
	if g.isShut {
		panic(http.ErrAbortHandler)
	}
	g.Handler.ServeHTTP(w, r)
}

// shut keeps new requests out and waits for those inside. It says whether the last of them left in time.
func (g *gate) shut(patience time.Duration) bool {
	left := make(chan struct{})
	go func() {
		g.inside.Lock()
		defer g.inside.Unlock()
		g.isShut = true
		close(left)
	}()
	select {
	case <-left:
		return true
	case <-time.After(patience):
		return false
	}
}

// listen takes the port. The time-outs are what stands between the server and a client that never finishes.
func (w *world) listen(ctx context.Context) (*http.Server, net.Listener, error) {
	c := w.config.Server
	server := &http.Server{
		Handler: &w.gate, ReadHeaderTimeout: min(c.ReadTimeout, 10*time.Second), ReadTimeout: c.ReadTimeout,
		WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: int(c.MaxHeaderSize),
		ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelWarn),
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Address())
	if err != nil {
		return nil, nil, listenError{err}
	}
	return server, listener, nil
}

// serveMetrics serves /metrics on its own port, or nothing when that is switched off.
func (w *world) serveMetrics(ctx context.Context, failed chan<- error) (*http.Server, error) {
	m := w.config.Monitoring
	if !m.MetricsEnabled {
		return &http.Server{Addr: "off", ReadHeaderTimeout: time.Second}, nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{}))
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort(w.config.Server.Host, strconv.Itoa(m.MetricsPort)))
	if err != nil {
		return nil, fmt.Errorf("monitoring.metrics_port: %w (0 takes a free one)", err)
	}
	server := &http.Server{Addr: listener.Addr().String(), Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	go func() { failed <- server.Serve(listener) }()
	return server, nil
}

// shutdown turns /ready, goes on answering for a moment, closes the port, and waits for the requests that are being answered.
func (w *world) shutdown(servers ...*http.Server) error {
	w.log.Info("stopping; finishing what was begun", "at_most", w.config.Server.ShutdownTimeout.String())
	w.handler.Drain()
	time.Sleep(min(drainPause, w.config.Server.ShutdownTimeout))
	ctx, cancel := context.WithTimeout(context.Background(), w.config.Server.ShutdownTimeout)
	defer cancel()
	var errs []error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("some requests were not finished in time: %w", err), s.Close())
		}
	}
	w.log.Info("stopped")
	return errors.Join(errs...)
}
