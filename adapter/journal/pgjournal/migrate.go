package pgjournal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"github.com/scim-adapter/scim-adapter/configs"
)

//go:generate go test . -run TestInitDBIsMadeOfTheMigrations -update

// sources are the migrations, by number; bootstrap.sql, which comes before them; and header.sql, which init-db.sql begins with. A migration is one or more
// statements of one transaction, and may be run on a database that has it already: init-db.sql runs them all, always.
//
//go:embed migrations/*.sql
var sources embed.FS

const (
	versionTable = "audit.migrations"
	// migrationLock is held by whoever migrates, makes months or drops them.
	migrationLock = 0x5c1a_3d47
	// monthsAhead is for how many months there are tables before they begin.
	monthsAhead = 2
)

// querier is a connection, a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Migrations names all that this program has, in their order.
func Migrations() []string {
	files, err := fs.Glob(sources, "migrations/0*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i := range files {
		files[i] = strings.TrimPrefix(files[i], "migrations/")
	}
	slices.Sort(files)
	return files
}

func source(name string) string {
	text, err := sources.ReadFile("migrations/" + name)
	if err != nil {
		panic(err) // it was built in
	}
	return string(text)
}

// Pending names the migrations that a database lacks. Whoever serves may ask: it needs SELECT on audit.migrations, which scim_app and scim_audit have.
func Pending(ctx context.Context, conn querier) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT DISTINCT version_id FROM "+versionTable+" WHERE is_applied")
	var applied []int64
	if err == nil {
		applied, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	answer, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case answer != nil && (answer.Code == "42P01" || answer.Code == "3F000"): // no table, or no schema
		applied = nil
	case answer != nil && answer.Code == "42501":
		return nil, fmt.Errorf("the role is a member neither of scim_app nor of scim_audit: %w", err)
	case err != nil:
		return nil, err
	}
	return slices.DeleteFunc(Migrations(), func(name string) bool {
		version, err := goose.NumericComponent(name)
		return err == nil && slices.Contains(applied, version)
	}), nil
}

// PendingAt is Pending for a database that nobody has connected to.
func PendingAt(ctx context.Context, url configs.Secret) (missing []string, err error) {
	db, err := openForDDL(url, func(string) {})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return within(ctx, db, func(conn *pgx.Conn) ([]string, error) { return Pending(ctx, conn) })
}

// store is goose's, with a version table that is made together with what it needs. goose asks whether anything is pending, and then makes that table, before it
// takes the lock: several who find no table stand in line here, and only the first of them notes its version 0.
type store struct{ database.Store }

func (s store) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	if _, err := db.ExecContext(ctx, "SELECT pg_advisory_xact_lock("+strconv.Itoa(migrationLock)+")"); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, source("bootstrap.sql"))
	return err
}

func (s store) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	if req.Version != 0 {
		return s.Store.Insert(ctx, db, req)
	}
	_, err := db.ExecContext(ctx, applied(0))
	return err
}

// Migrate brings the database at url up to date, and makes the tables of the coming months. What it does is said step by step. Several may do it at once: they
// wait for one another. Where the role lacks a right, the error names it.
func Migrate(ctx context.Context, url configs.Secret, say func(string)) (err error) {
	db, err := openForDDL(url, say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	missing, err := within(ctx, db, func(conn *pgx.Conn) ([]string, error) { return Pending(ctx, conn) })
	if err != nil {
		return fmt.Errorf("asking what the database has: %w", err)
	}
	if err := onOne(ctx, db, func(conn *pgx.Conn) error { return mayDo(ctx, conn, len(missing)) }); err != nil {
		if lacks, ok := errors.AsType[*LackedRights](err); ok && len(missing) == 0 {
			say("every migration is there; the coming months are not made: " + lacks.Error())
			return nil
		}
		return err
	}
	if len(missing) > 0 {
		if err := up(ctx, db, say); err != nil {
			return err
		}
	} else {
		say("every migration is there")
	}
	return onOne(ctx, db, func(conn *pgx.Conn) error { return makeMonths(ctx, conn, say) })
}

// mayDo says what the role lacks for this many migrations, or for the months alone.
func mayDo(ctx context.Context, conn querier, missing int) error {
	if missing == 0 {
		return MayMaintain(ctx, conn)
	}
	return MayMigrate(ctx, conn)
}

// up runs what is missing, each in a transaction of its own.
func up(ctx context.Context, db *sql.DB, say func(string)) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 600))
	if err != nil {
		return err
	}
	versions, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return err
	}
	files, err := fs.Sub(sources, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, files, goose.WithStore(store{versions}), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	for {
		done, err := provider.UpByOne(ctx)
		switch {
		case errors.Is(err, goose.ErrNoNextVersion): // somebody else may have been quicker
			return nil
		case err != nil:
			return failedMigration(err)
		}
		say(done.Source.Path + " is done")
	}
}

// failedMigration says what of PostgreSQL's words an administrator needs.
func failedMigration(err error) error {
	where := "making " + versionTable
	if partial, ok := errors.AsType[*goose.PartialError](err); ok && partial.Failed != nil {
		where = partial.Failed.Source.Path
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fmt.Errorf("%s: %w", where, err)
	}
	lines := []string{where + ": nothing of it was done: " + answer.Message}
	for _, more := range []string{answer.Detail, answer.Hint} {
		if more != "" {
			lines = append(lines, more)
		}
	}
	return fmt.Errorf("%s (SQLSTATE %s)", strings.Join(lines, "\n"), answer.Code)
}

// openForDDL opens a database for whoever changes its tables: it may take long, and what the server warns of is said.
func openForDDL(url configs.Secret, say func(string)) (*sql.DB, error) {
	pool, err := configs.ParsePostgres(url)
	if err != nil {
		return nil, fmt.Errorf("the database's URL %w", err)
	}
	cfg := pool.ConnConfig
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { say(n.Message) }
	return stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET client_min_messages = warning; SET search_path = public, pg_catalog; SET statement_timeout = 0")
		return err
	})), nil
}

// within does something on one connection.
func within[T any](ctx context.Context, db *sql.DB, do func(*pgx.Conn) (T, error)) (result T, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Raw(func(driver any) error {
		result, err = do(driver.(*stdlib.Conn).Conn()) //nolint:forcetypeassert // openForDDL opened it
		return err
	})
	return result, err
}

// rightsSQL is what may be missing of the rights to migrate, each as a sentence and what to do.
const rightsSQL = `
WITH me AS (SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user),
	roles AS (SELECT count(*) AS n FROM pg_roles WHERE rolname IN ('scim_app', 'scim_audit', 'scim_owner')),
	schemas AS (SELECT count(*) AS n FROM pg_namespace WHERE nspname IN ('scim', 'audit', 'overlay', 'backup'))
SELECT format('to make the roles scim_app, scim_audit and scim_owner: ALTER ROLE %I CREATEROLE', rolname) FROM me, roles WHERE NOT rolsuper AND NOT rolcreaterole AND n < 3
UNION ALL
SELECT format('to own the tables: GRANT scim_owner TO %I', rolname) FROM me, roles
	WHERE NOT rolsuper AND NOT rolcreaterole AND n = 3 AND NOT pg_has_role((SELECT oid FROM pg_roles WHERE rolname = 'scim_owner'), 'USAGE')
UNION ALL
SELECT format('to make schemas: GRANT CREATE ON DATABASE %I TO %I', current_database(), rolname) FROM me, schemas
	WHERE NOT has_database_privilege(current_database(), 'CREATE') AND n < 4
UNION ALL
SELECT format('to make a function in public: GRANT CREATE ON SCHEMA public TO %I', rolname) FROM me
	WHERE NOT has_schema_privilege('public', 'CREATE') AND to_regprocedure('public.update_updated_at_column()') IS NULL`

// MayMigrate says which rights the role lacks for it; nil: none that one can know beforehand.
func MayMigrate(ctx context.Context, conn querier) error {
	rows, err := conn.Query(ctx, rightsSQL)
	if err != nil {
		return err
	}
	lacks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(lacks) > 0 {
		return &LackedRights{lacks}
	}
	return nil
}

// LackedRights are rights that a role would need, each with what an administrator runs to grant it.
type LackedRights struct{ Rights []string }

func (l *LackedRights) Error() string {
	return "the role lacks a right: " + strings.Join(l.Rights, "; ")
}

// Script is deploy/scripts/init-db.sql: what Migrate does, for psql.
func Script() string {
	var b strings.Builder
	b.WriteString(source("header.sql") + "\nBEGIN;\nSET LOCAL client_min_messages = warning;\nSET LOCAL search_path = public, pg_catalog;\n")
	b.WriteString("DO $$ BEGIN PERFORM pg_advisory_xact_lock(" + strconv.Itoa(migrationLock) + "); END $$; -- somebody may be migrating\n\n")
	b.WriteString(source("bootstrap.sql") + applied(0))
	for _, name := range Migrations() {
		version, err := goose.NumericComponent(name)
		if err != nil {
			panic(err) // every name begins with a number, or goose would not run it
		}
		b.WriteString("\n\n-- " + name + "\n\n")
		for line := range strings.Lines(source(name)) {
			if !strings.HasPrefix(line, "-- +goose") {
				b.WriteString(line)
			}
		}
		b.WriteString(applied(version))
	}
	b.WriteString("\n-- This month and the coming ones, and those of rows that are there.\nDO $$ BEGIN PERFORM audit.make_month(family, month) FROM audit.wanted_months(" +
		strconv.Itoa(monthsAhead) + "); END $$;\n\nCOMMIT;\n")
	return b.String()
}

// applied notes a migration as goose does.
func applied(version int64) string {
	n := strconv.FormatInt(version, 10)
	return "INSERT INTO " + versionTable + " (version_id, is_applied) SELECT " + n + ", true WHERE NOT EXISTS (SELECT FROM " + versionTable + " WHERE version_id = " + n + ");\n"
}
