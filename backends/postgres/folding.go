package postgres

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/jackc/pgx/v5"
)

// How a text looks in lower case depends on its collation: C knows ASCII only, ICU looks at what stands around a letter, and each C library and each
// Unicode has its own letters. The matcher folds letter by letter. So each collation in question is asked, once for each directory, for the lower case
// of every letter. Where it differs from the matcher on none that can become part of a literal, lower(column) answers as the matcher does, and
// an index on that serves. Elsewhere the letters on which the best collation differs are translated before it sees them.

// collationC and defaultCollation are collations as the catalog names them.
const (
	collationC       = `pg_catalog."C"`
	defaultCollation = `pg_catalog."default"`
)

// candidates are collations that may fold letters as the matcher does, the most promising ones first.
var candidates = []string{"pg_c_utf8", "C.utf8", "C.UTF-8", "und-x-icu"}

// folding says of which letters this database makes other lower case ones than the matcher does, by collation.
type folding struct {
	letters map[string]*letters // by the collation's quoted name, or the id of a folder
	best    string              // the one that differs on the fewest letters
}

// letters are those on which a collation and the matcher differ.
type letters struct {
	differ  map[rune]bool
	touched map[rune]bool // what they become, on either side: a literal without these is not concerned
	from    string        // the letters, and
	to      string        // what the matcher makes of them
	// images are, by what the matcher makes of a letter, all that the collation makes of such letters, wherever they stand.
	images map[rune][]string
}

// byDefault is the collation of texts that are no column's.
func (*folding) byDefault() collation { return collation{name: defaultCollation, deterministic: true} }

// agrees says that lower() under a collation is equal to a folded literal, or has it as a part, where the matcher's is and has.
func (f *folding) agrees(in collation, literal string) bool {
	if f == nil || !in.deterministic {
		return false
	}
	l, ok := f.letters[in.name]
	return ok && !strings.ContainsFunc(literal, func(r rune) bool { return l.touched[r] })
}

// keeps says that what a folder made of texts is equal to a folded literal, or has it as a part, where the matcher's is and has.
func (f *folding) keeps(by folder, literal string) bool {
	if f == nil {
		return false
	}
	l, ok := f.letters[by.id()]
	return ok && !strings.ContainsFunc(literal, func(r rune) bool { return l.touched[r] })
}

// keepsAll says that a folder folds every letter as the matcher does.
func (f *folding) keepsAll(by folder) bool {
	if f == nil {
		return false
	}
	l, ok := f.letters[by.id()]
	return ok && len(l.differ) == 0
}

// same says that a collation folds every letter as the matcher does.
func (f *folding) same(in collation) bool {
	if f == nil || !in.deterministic {
		return false
	}
	l, ok := f.letters[in.name]
	return ok && len(l.differ) == 0
}

// lower is x folded, so that a test with the literal answers as the matcher does; false: not known how.
func (f *folding) lower(x fragment, in collation, t test, literal string) (fragment, bool) {
	switch {
	case f == nil:
		return fragment{}, false
	case !t.orders() && f.agrees(in, literal), f.same(in):
		return code("lower(").add(x).sql(")"), true
	}
	return f.foldedBest(x)
}

// How many texts a comparison is worth that an index is asked for, and how many bytes they may have together. The text is whoever asks's, and its length, too.
const (
	mostImages     = 512
	mostImageBytes = 1 << 18
)

// imagesOf are all that lower() under a collation makes of the texts that are equal to a folded literal: an index on it finds these, and a few others. False
// where they are not known, or too many.
func (f *folding) imagesOf(in collation, literal string) ([]string, bool) {
	if f == nil || !in.deterministic {
		return nil, false
	}
	l, ok := f.letters[in.name]
	if !ok || l.differ['\u0307'] && strings.ContainsRune(literal, '\u0307') { // it may vanish behind another letter
		return nil, false
	}
	n := 1
	for _, r := range literal {
		if n *= len(l.imagesOf(r)); n > mostImages || n*len(literal) > mostImageBytes {
			return nil, false
		}
	}
	all := make([]strings.Builder, n)
	turn := 1 // for how many texts in a row a letter has the same image
	for _, r := range literal {
		images := l.imagesOf(r)
		for i := range all {
			all[i].WriteString(images[i/turn%len(images)])
		}
		turn *= len(images)
	}
	texts := make([]string, n)
	for i := range all {
		texts[i] = all[i].String()
	}
	return texts, true
}

// imagesOf are all that a letter of a folded literal may be in a text that the collation has folded, itself first.
func (l *letters) imagesOf(r rune) []string {
	images := []string{string(r)}
	if !l.touched[r] {
		return images
	}
	for _, image := range l.images[r] {
		if image != images[0] {
			images = append(images, image)
		}
	}
	return images
}

// foldedBest is x folded wholly as the matcher does.
func (f *folding) foldedBest(x fragment) (fragment, bool) {
	l, ok := f.letters[f.best]
	switch {
	case !ok:
		return fragment{}, false
	case len(l.differ) == 0:
		return code("lower(").add(x).sql(" COLLATE ", f.best, ")"), true
	}
	return code("lower(translate(").add(x).sql(", ").arg(l.from, "text").sql(", ").arg(l.to, "text").sql(") COLLATE ", f.best, ")"), true
}

// fold measures the collations that the class has to do with, those that are not known yet.
func (t *tailor) fold(ctx context.Context, conn *pgx.Conn) error {
	names := []string{defaultCollation}
	var folders []folder
	for _, r := range t.s.relations {
		for _, c := range r.columns {
			if n := c.collation; n.name != "" && n.deterministic && !slices.Contains(names, n.name) {
				names = append(names, n.name)
			}
			if c.kept != nil && !slices.Contains(folders, c.kept.folder) {
				folders = append(folders, c.kept.folder)
			}
		}
	}
	f, err := t.c.d.measured(ctx, conn, names, folders)
	t.s.folding = f
	return err
}

// measured is how these collations and folders fold, and which of all is best. What was measured is kept until a connection is
// lost: behind it there may be another server since, with another library.
func (d *Directory) measured(ctx context.Context, conn *pgx.Conn, names []string, folders []folder) (*folding, error) {
	slices.Sort(names)
	all := slices.Clone(names)
	for _, by := range folders {
		all = append(all, by.id())
	}
	id := strings.Join(all, ",")
	lost := d.lost.Load()
	d.mu.Lock()
	if d.foldsLost != lost {
		d.folds, d.foldsLost = nil, lost
	}
	known := d.folds[id]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	f, err := measureAll(ctx, conn, names, folders...)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.folds == nil {
		d.folds = map[string]*folding{}
	}
	if d.foldsLost == lost {
		d.folds[id] = f
	}
	return f, nil
}

// measureAll measures these folders and collations, and candidates until one folds every letter right.
func measureAll(ctx context.Context, conn *pgx.Conn, names []string, folders ...folder) (*folding, error) {
	f := &folding{letters: map[string]*letters{}}
	var encoding string
	if err := conn.QueryRow(ctx, "SELECT getdatabaseencoding()::text").Scan(&encoding); err != nil {
		return nil, err
	}
	if encoding != "UTF8" {
		return f, nil // characters are numbered otherwise: nothing is claimed
	}
	rows, err := conn.Query(ctx, candidatesSQL, candidates)
	if err != nil {
		return nil, err
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	for i, name := range slices.Concat(names, others) {
		best, found := f.letters[f.best]
		if i >= len(names) && found && len(best.differ) == 0 {
			break
		}
		l, err := measure(ctx, conn, byCollation(name))
		if err != nil {
			return nil, err
		}
		f.letters[name] = l
		if !found || len(l.differ) < len(best.differ) {
			f.best = name
		}
	}
	for _, by := range folders {
		l, err := measure(ctx, conn, by)
		if err != nil {
			return nil, err
		}
		f.letters[by.id()] = l
	}
	return f, nil
}

// candidatesSQL finds the candidates that this database has.
const candidatesSQL = `
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname)
FROM unnest($1::text[]) WITH ORDINALITY AS w(name, ord)
JOIN pg_collation c ON c.collname = w.name AND c.collisdeterministic AND c.collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
JOIN pg_namespace n ON n.oid = c.collnamespace AND n.nspname = 'pg_catalog'
ORDER BY w.ord`

// lettersSQL gives what a folder makes of each character that it changes, or the matcher does: alone, and in company. Greek and Lithuanian look at
// what stands before or behind a letter; the neighbours are those that such rules look for. No character of the ranges left out has ever had a lower case:
// Chinese, Korean, cuneiform, private use.
func lettersSQL(by folder) string {
	return "SELECT c, " + by.of("chr(c)") + ", " + by.of("('a' || chr(c))") + ", " + by.of("(chr(c) || 'a')") + ", " + by.of("(chr(c) || chr(775))") + `
FROM (VALUES (1, 13311), (40960, 44031), (63744, 73727), (90112, 94207), (118784, 126975)) AS r(first, last), generate_series(first, last) AS c
WHERE ` + by.of("chr(c)") + ` COLLATE "C" <> chr(c) OR c = ANY($1::int[])`
}

// changed are the letters that the matcher folds. To look for them takes longer than to ask the database.
var changed = sync.OnceValue(func() (folded []int32) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if unicode.ToLower(r) != r {
			folded = append(folded, r)
		}
	}
	return folded
})

// measure asks how a folder folds.
func measure(ctx context.Context, conn *pgx.Conn, by folder) (*letters, error) {
	rows, err := conn.Query(ctx, lettersSQL(by), changed())
	if err != nil {
		return nil, err
	}
	l := &letters{differ: map[rune]bool{}, touched: map[rune]bool{}, images: map[rune][]string{}}
	note := func(r rune, becomes string) {
		l.differ[r] = true
		for _, out := range becomes {
			l.touched[out] = true
		}
		l.touched[unicode.ToLower(r)] = true
	}
	var at int32
	var alone, behind, before, dotted string
	_, err = pgx.ForEachRow(rows, []any{&at, &alone, &behind, &before, &dotted}, func() error {
		r := rune(at)
		own := string(unicode.ToLower(r))
		for _, got := range []string{alone, strings.TrimPrefix(behind, "a"), strings.TrimSuffix(before, "a"), strings.TrimSuffix(dotted, "\u0307")} {
			if got != own {
				note(r, got)
			}
			if low := unicode.ToLower(r); !slices.Contains(l.images[low], got) {
				l.images[low] = append(l.images[low], got)
			}
		}
		if !strings.HasSuffix(dotted, "\u0307") {
			note('\u0307', "\u0307")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var from, to []rune
	for r := range l.differ {
		from = append(from, r)
	}
	slices.Sort(from)
	for _, r := range from {
		to = append(to, unicode.ToLower(r))
	}
	l.from, l.to = string(from), string(to)
	return l, nil
}
