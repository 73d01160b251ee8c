package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/litejournal"
	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// journalFile is the embedded journal below journal.path.
const journalFile = "journal.sqlite"

// store is a journal with all that it can do.
type store interface {
	journal.Journal
	journal.Reader
	journal.Overlay
	journal.Aliases
	io.Closer
}

// openStore opens the journal that a configuration names: nil for none. The embedded one is refused while another process has it.
func openStore(ctx context.Context, config *configs.Config, log *slog.Logger) (store, error) {
	switch config.Journal.Kind {
	case configs.JournalNone:
		return nil, nil //nolint:nilnil // no journal is an answer
	case configs.JournalPostgres:
		migrateAtStart(ctx, config, log)
		_, none := signingKey(config, false)
		key, err := signingKey(config, true)
		if err != nil {
			return nil, err
		}
		public := key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is one
		if none != nil {
			log.Warn("journal.signing_key is not set: a key is made, and audit verify elsewhere needs to be told its public half (--public-key). Commands that write the journal should sign as serve does: "+
				"give them the same journal.signing_key", "made", filepath.Join(config.Journal.Path, signingFile), "public_key", hex.EncodeToString(public))
		}
		log.Info("the journal's checkpoints are signed", "key_id", keyID(public), "public_key", hex.EncodeToString(public))
		s, err := pgjournal.Open(ctx, pgjournal.Options{
			Database: config.Database, Limits: adapter.GuardLimits(config.Guard), Logger: log, Sign: signer(key), CheckpointInterval: config.Journal.CheckpointInterval,
		})
		if err != nil || config.Journal.OnUnavailable != configs.UnavailableSpool {
			return s, err
		}
		return openSpool(ctx, config, s, log)
	}
	s, err := litejournal.Open(ctx, filepath.Join(config.Journal.Path, journalFile), litejournal.WithLimits(adapter.GuardLimits(config.Guard)...))
	if err != nil {
		return nil, fmt.Errorf("journal.path: %w", err)
	}
	return s, nil
}

// openJournal opens the journal of a world.
func (w *world) openJournal(ctx context.Context) error {
	w.registry.MustRegister(spoolCollector{w})
	if w.config.Journal.Kind == configs.JournalNone {
		for _, m := range w.mappings.All() {
			if len(m.Overlays()) > 0 {
				return fmt.Errorf("journal.kind is none, but %s.%s is mapped to overlay, which is kept in the journal's database", m.Name(), m.Overlays()[0])
			}
		}
		w.journal = journal.None{}
		return nil
	}
	s, err := openStore(ctx, w.config, w.log)
	if err != nil {
		return err
	}
	if w.config.Journal.OnUnavailable == configs.UnavailableSpool {
		w.warnOfOverlays()
	}
	w.journal, w.store = adapter.Redact(s, w.discretion), s
	return nil
}

// overlay keeps what the directories have no place for; nil where there is no journal.
func (w *world) overlay() journal.Overlay {
	if w.store == nil {
		return nil
	}
	return w.store
}

// aliases keeps under which ids records were known; nil where there is no journal.
func (w *world) aliases() journal.Aliases {
	if w.store == nil {
		return nil
	}
	return w.store
}

// events reads the journal back; nil where there is none.
func (w *world) events() journal.Reader {
	if w.store == nil {
		return nil
	}
	return w.store
}

// guard tells what is used of the limits; nil where there is no journal.
func (w *world) guard() journal.Guard {
	g, _ := w.store.(journal.Guard)
	return g
}

func (w *world) closeJournal() {
	if w.store == nil {
		return
	}
	if err := w.store.Close(); err != nil {
		w.log.Warn("closing the journal", "error", err)
	}
}

// migrateAtStart brings the journal's database up to date where the role may. A role that may not, and a database that is away, are no reason not to start: reads go
// on, and the first write is told what is missing.
func migrateAtStart(ctx context.Context, config *configs.Config, log *slog.Logger) {
	if !config.Journal.Migrate {
		return
	}
	ask, cancel := context.WithTimeout(ctx, config.Database.ConnectionTimeout)
	defer cancel()
	missing, err := pgjournal.PendingAt(ask, config.Database.URL)
	if err == nil && len(missing) > 0 { // it may take its time: a large database of an earlier version is rewritten
		err = pgjournal.Migrate(ctx, config.Database.URL, func(line string) { log.Info("the journal's database: " + line) })
	}
	if lacks, ok := errors.AsType[*pgjournal.LackedRights](err); ok {
		log.Warn("the journal's database lacks migrations, and no write is possible before scim-adapter migrate was run", "missing", missing, "because", lacks.Error())
		return
	}
	if err != nil {
		log.Warn("the journal's database could not be brought up to date", "error", err)
	}
}
