package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/configs"
)

// verifyRun is `audit verify` at work.
type verifyRun struct {
	config, url, since, log string
	keys                    []string
}

func verifyCommand() *cobra.Command {
	var run verifyRun
	cmd := &cobra.Command{
		Use:   "verify --config FILE",
		Short: "Find out whether anybody has changed the journal",
		Long: `Verify goes through the journal in PostgreSQL, recomputes the digest of every row and every link of the chains, and holds the signed heads (checkpoints) against
the rows that they are over. What was changed, removed, inserted or cut off is named, a line each, on stdout; a summary is the last line. So is each row whose values
no key opens any more, unless an event says that they were erased: by audit forget, or because their time was over.

With --checkpoints, the heads in the log of serve are held against it too: lines "journal checkpoint", in JSON or text, whatever else the log has ("-" reads stdin).
Whoever can change the database can take away the checkpoints there together with the rows, but not those of a log that is kept elsewhere.

Signatures are checked with the public half of journal.signing_key (or of the key that serve has made in journal.path), and of earlier keys that --public-key names;
serve logs the public key when it starts. The role must be a member of scim_audit.

Exit code 0: the journal is whole; 1: it is not, or verifying failed; 2: the command line or the configuration is wrong.`,
		Example: "  scim-adapter audit verify --config scim.yaml --since 30d --checkpoints /var/log/scim-adapter.log",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	configFlag(cmd, &run.config)
	cmd.Flags().StringVar(&run.url, "database-url", "", "the database, and as whom; unset: database.url of the configuration")
	cmd.Flags().StringVar(&run.since, "since", "", "look at what was written since then only: 2026-11-23T14:00:00Z, 2026-11-23, or how long ago: 2h, 30d")
	cmd.Flags().StringVar(&run.log, "checkpoints", "", "a log of serve with checkpoints")
	cmd.Flags().StringArrayVar(&run.keys, "public-key", nil, "a further key that checkpoints may be signed with, in hex; may be repeated")
	return cmd
}

func (r *verifyRun) run(cmd *cobra.Command) error {
	config, faults := configs.Load(r.config)
	if len(faults) > 0 {
		return faults
	}
	out, progress := cmd.OutOrStdout(), cmd.ErrOrStderr()
	bar := countBar(progress, "rows")
	v := pgjournal.Verification{
		Found: func(f pgjournal.Finding) {
			_ = bar.Clear() // it may be the same terminal
			fmt.Fprintln(out, f)
		},
		Progress: func(rows int64) { _ = bar.Set64(rows) }, // it is only shown
	}
	var err error
	if v.Database, err = journalURL(cmd, r.config, r.url); err != nil {
		return err
	}
	if v.Since, err = moment("since", r.since); err != nil {
		return err
	}
	if v.Keys, err = r.publicKeys(config, progress); err != nil {
		return err
	}
	if v.Logged, err = r.logged(cmd.InOrStdin()); err != nil {
		return err
	}
	done, err := pgjournal.Verify(cmd.Context(), v)
	_ = bar.Finish() // it is only shown
	if err != nil {
		return fmt.Errorf("verifying the journal: %w", err)
	}
	fmt.Fprintln(out, summary(done))
	if done.Findings > 0 {
		return fmt.Errorf("the journal is not whole (findings: %d)", done.Findings)
	}
	return nil
}

// summary is the last line.
func summary(v pgjournal.Verified) string {
	text := fmt.Sprintf("%d rows of %d writers", v.Rows, v.Writers)
	if !v.From.IsZero() {
		text += fmt.Sprintf(", %s to %s", v.From.UTC().Format(time.RFC3339), v.To.UTC().Format(time.RFC3339))
	}
	text += fmt.Sprintf("; %d checkpoints, %d anchors, %d checkpoints of the log", v.Checkpoints, v.Anchors, v.Logged)
	if v.Unsigned > 0 {
		text += fmt.Sprintf("; %d rows are behind the last checkpoint of their writer", v.Unsigned)
	}
	if v.Before > 0 {
		text += fmt.Sprintf("; %d rows from before the chain", v.Before)
	}
	if v.Erased > 0 {
		text += fmt.Sprintf("; the values of %d rows were erased, as events say", v.Erased)
	}
	if v.Untold > 0 {
		text += fmt.Sprintf("; those of %d rows are gone, and what would say why was dropped with its month", v.Untold)
	}
	if v.Destroyed > 0 {
		text += fmt.Sprintf("; the values of %d rows were destroyed, and no event says so", v.Destroyed)
	}
	if v.Findings == 0 {
		return text + ". The journal is whole."
	}
	return text + fmt.Sprintf(". Findings: %d.", v.Findings)
}

// publicKeys are those that signatures may be of. A configuration without a key here does with those of the command line.
func (r *verifyRun) publicKeys(config *configs.Config, say io.Writer) (map[string]ed25519.PublicKey, error) {
	keys := map[string]ed25519.PublicKey{}
	for _, text := range r.keys {
		key, err := hex.DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, usageError{fmt.Errorf("--public-key %q is not a key of %d bytes in hex", text, ed25519.PublicKeySize)}
		}
		keys[keyID(key)] = key
	}
	private, err := signingKey(config, false)
	switch {
	case err == nil:
		public := private.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is one
		keys[keyID(public)] = public
	case len(keys) == 0:
		return nil, errors.Join(errors.New("there is no key to check signatures with; --public-key names one"), err)
	case r.config != "" && !config.Journal.SigningKey.IsZero():
		return nil, err
	default:
		fmt.Fprintf(say, "only the keys of --public-key are known: %v\n", err)
	}
	return keys, nil
}

// logged reads the checkpoints of a log.
func (r *verifyRun) logged(stdin io.Reader) ([]pgjournal.Checkpoint, error) {
	if r.log == "" {
		return nil, nil
	}
	if r.log == "-" {
		return readCheckpoints(r.log, stdin)
	}
	f, err := os.Open(r.log)
	if err != nil {
		return nil, usageError{fmt.Errorf("--checkpoints: %w", err)}
	}
	defer func() { _ = f.Close() }()
	return readCheckpoints(r.log, f)
}

func readCheckpoints(name string, from io.Reader) ([]pgjournal.Checkpoint, error) {
	list, err := pgjournal.ReadCheckpoints(from)
	if err != nil {
		return nil, fmt.Errorf("--checkpoints %s: %w", name, err)
	}
	if len(list) == 0 {
		return nil, usageError{fmt.Errorf("--checkpoints %s: no line tells of a checkpoint (serve logs them at level info)", name)}
	}
	return list, nil
}
