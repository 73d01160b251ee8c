package main

import (
	"context"
	"os"
	"sync"

	"github.com/scim-adapter/scim-adapter/adapter/journal/export"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/spool"
)

// The journals that replicas have together, of which feed asks for turns.
var (
	_ export.Turns = (*pgjournal.Journal)(nil)
	_ export.Turns = (*spool.Journal)(nil)
)

// feeds are the destinations of audit.export, each fed by a goroutine of its own.
type feeds struct {
	running sync.WaitGroup
	stop    context.CancelFunc
}

// feed begins to tell the destinations of audit.export what is settled in the journal. What cannot be told does not keep anybody from writing.
func (w *world) feed() error {
	destinations := w.config.Audit.Export
	if w.store == nil || len(destinations) == 0 {
		return nil
	}
	turns, _ := w.store.(export.Turns)
	if turns == nil && w.config.Server.Replicas > 1 {
		w.log.Warn("server.replicas is more than one, and each has a journal of its own: what is sent is what this one did")
	}
	ctx, stop := context.WithCancel(context.Background()) // not the one of serve: the last events are settled when that is over
	w.feeds.stop = stop
	for _, to := range destinations {
		sink, err := export.Open(to, os.Stdout)
		if err != nil {
			return err
		}
		f := &export.Feed{Reader: w.store, Kind: w.config.Journal.Kind, Sink: sink, File: export.FileOf(w.config.Journal.Path, to), Turns: turns, Log: w.log}
		w.feeds.running.Go(func() {
			if err := f.Run(ctx); err != nil {
				w.log.Error("events are not exported: how far it is cannot be kept below journal.path", "to", sink.String(), "error", err)
			}
			if err := sink.Close(); err != nil {
				w.log.Debug("closing a destination", "to", sink.String(), "error", err)
			}
		})
	}
	return nil
}

// end sends what is left, for a moment, and waits for it.
func (f *feeds) end() {
	if f.stop != nil {
		f.stop()
	}
	f.running.Wait()
}
