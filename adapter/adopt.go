package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// A client that is attached to a directory with people in it makes people who are there already, under another spelling. The rules of `adopt` say by what they are
// known, and what is done then. Linking is an update of the record that was found, on the one write path: with conditions, before-images, the guard, and an event
// that can be taken back without deleting anybody.

// mostLikenesses is how many values of one attribute a rule looks for.
const mostLikenesses = 50

// likeness is a rule with what a new resource has of the attributes that it matches.
type likeness struct {
	mapping.Adopt
	values  [][]any // of each attribute
	enables bool    // the account that was found is disabled, and the new resource is not
}

// likenesses are the rules that say something of a new resource: it has all that they match.
func (c *class) likenesses(body *scim.Object) ([]likeness, error) {
	var all []likeness
	for _, rule := range c.Adopts() {
		l := likeness{Adopt: rule}
		for _, ref := range rule.Match {
			values := ref.Values(body)
			if len(values) > mostLikenesses {
				return nil, invalidValue("%s has %d values; accounts are looked for by %d at most.", ref, len(values), mostLikenesses)
			}
			if len(values) > 0 {
				l.values = append(l.values, values)
			}
		}
		if len(l.values) == len(rule.Match) {
			all = append(all, l)
		}
	}
	return all, nil
}

// words names what two resources have in common.
func (l likeness) words() string { return strings.Join(l.paths(), " and ") }

func (l likeness) paths() []string {
	paths := make([]string, len(l.Match))
	for i, ref := range l.Match {
		paths[i] = ref.String()
	}
	return paths
}

// filter holds for whoever has one of the values of each attribute.
func (l likeness) filter() filter.Expr {
	var terms []filter.Expr
	for i, ref := range l.Match {
		var any []filter.Expr
		for _, v := range l.values[i] {
			if n, ok := v.(int64); ok {
				v = json.Number(strconv.FormatInt(n, 10))
			}
			any = append(any, filter.Compare{Path: ref.Path(), Op: filter.Eq, Value: v})
		}
		if len(any) == 1 {
			terms = append(terms, any[0])
		} else {
			terms = append(terms, filter.Or{Terms: any})
		}
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return filter.And{Terms: terms}
}

// lockNames are what others wait for who make a resource that is like this one: the second of two finds what the first has made.
func (l likeness) lockNames(c *class) (names []string) {
	for i, ref := range l.Match {
		for _, v := range l.values[i] {
			names = append(names, c.Name()+"\x00adopt\x00"+ref.String()+"\x00"+backends.Normalize(backends.CaseIgnoreSpace, fmt.Sprint(v)))
		}
	}
	return names
}

// errUnlike is that an account which was found is gone, or is no longer what it was found by.
var errUnlike = errors.New("the account that was found has changed meanwhile")

// orAdopt makes a new resource, unless a rule finds one that is to become it. These locks are taken before those of records and of unique values, and only here.
func (s *Service) orAdopt(ctx context.Context, c *class, req scim.Request, body *scim.Object, create func() (*scim.Result, error)) (*scim.Result, error) {
	all, err := c.likenesses(body)
	if err != nil || len(all) == 0 {
		if err != nil {
			return nil, err
		}
		return create()
	}
	var names []string
	for _, l := range all {
		names = append(names, l.lockNames(c)...)
	}
	release, err := s.locks.take(ctx, names...)
	if err != nil {
		return nil, err
	}
	defer release()
	for range 1 + retries {
		key, like, err := s.adoptee(ctx, c, req, body, all)
		if err != nil {
			return nil, err
		}
		if key == "" {
			return create()
		}
		res, err := s.linkTo(ctx, c, req, key, like, body)
		if !errors.Is(err, errUnlike) && !isNotFound(err) {
			return res, err
		}
	}
	return nil, &scim.Error{Status: http.StatusConflict, Detail: "Others keep changing the resource that this one would become; nothing was changed. Try again.", Cause: errUnlike}
}

// adoptee finds the record that a new resource is to become: "" for none. The rules are tried in their order, and one that finds nobody leaves it to the next. Whom an
// administrator has said it is not, is nobody to the rules that follow either.
func (s *Service) adoptee(ctx context.Context, c *class, req scim.Request, body *scim.Object, all []likeness) (backends.Key, likeness, error) {
	var others []backends.Key
	for _, l := range all {
		found, err := s.alike(ctx, c, req, l, others)
		switch {
		case err != nil:
			return "", l, err
		case len(found) == 0:
			continue
		case len(found) > 1:
			return "", l, notUnique("Several resources have the same %s, so that nobody can say which of them this one is. Nothing was made.", l.words())
		case l.Then == mapping.AdoptConflict:
			return "", l, notUnique("Another resource has the same %s already: its id is %s.", l.words(), found[0])
		}
		then := l.Then
		if l.enables, err = s.enables(ctx, c, req, found[0], body); err != nil {
			return "", l, err
		}
		if l.enables {
			then = l.Disabled
		}
		switch then {
		case mapping.AdoptLink:
			return found[0], l, nil
		case mapping.AdoptReview:
		default:
			return "", l, notUnique("The resource with the same %s, whose id is %s, is disabled, and this one would enable it. Nothing was changed. "+
				"An administrator of the directory can enable it; or the mapping's rule says that this does (adopt, disabled).", l.words(), found[0])
		}
		is, err := s.reviewed(ctx, c, req, found[0], l, body)
		if err != nil || is {
			return found[0], l, err
		}
		others = append(others, found[0])
	}
	return "", likeness{}, nil
}

// enables says that an account is disabled, and that a new resource which becomes it would enable it: whoever left comes back in that way, and so does whoever was shut out.
func (s *Service) enables(ctx context.Context, c *class, req scim.Request, key backends.Key, body *scim.Object) (bool, error) {
	if !isActive(body, true) {
		return false, nil
	}
	before, err := s.load(ctx, c, req, key, change{action: journal.ActionAdopt})
	if err != nil {
		return false, err
	}
	return isActive(before.res, false), nil
}

// isActive says that a resource says so of its state.
func isActive(res *scim.Object, active bool) bool {
	v, _ := res.Get(activePath)
	is, ok := v.(bool)
	return ok && is == active
}

// activePath is the attribute that says whether an account is enabled.
const activePath = "active"

func notUnique(format string, args ...any) error {
	return scim.Errorf(http.StatusConflict, scim.NotUnique, format, args...)
}

// alike asks the directory for those who are like a new resource, but for the others: two at most, which is too many already.
func (s *Service) alike(ctx context.Context, c *class, req scim.Request, l likeness, others []backends.Key) (found []backends.Key, err error) {
	low, err := s.narrowed(ctx, c, req, l.filter())
	if err != nil {
		return nil, err
	}
	q, walk := backends.Query{Where: low.Where, Limit: len(others) + 2}, inBatches{limit: c.Scan(), over: tooMany(nil)}
	if low.Rest != nil {
		q.Limit, q.Attrs = 0, c.Reads(low.Wants)
		if walk.apart, err = s.searchesToLink(ctx, c, low.Wants); err != nil {
			return nil, err
		}
	}
	for batch, err := range walk.of(c.Backend().Walk(ctx, q)) {
		if err != nil {
			return nil, err
		}
		holds, err := s.matchRest(ctx, c, req, low, batch)
		if err != nil {
			return nil, err
		}
		for i, rec := range batch {
			if !holds[i] || slices.Contains(others, rec.Key) || slices.Contains(found, rec.Key) {
				continue
			}
			if found = append(found, rec.Key); len(found) > 1 {
				return found, nil
			}
		}
	}
	return found, nil
}

// narrowed lowers a filter that must leave something for the directory to find: nobody reads all of it for each new resource. Check says so of a mapping before it is
// served; but what a database can be asked is only known when it has been asked once.
func (s *Service) narrowed(ctx context.Context, c *class, req scim.Request, e filter.Expr) (mapping.Lowered, error) {
	for asked := false; ; asked = true {
		low, err := s.lower(ctx, c, req, e)
		if err != nil {
			return low, err
		}
		if _, everybody := low.Where.(backends.True); !everybody {
			return low, nil
		}
		if asked {
			return low, tooMany(nil)
		}
		if _, _, err := c.Backend().Count(ctx, backends.True{}, 1); err != nil {
			return low, err
		}
	}
}

// linkTo makes a record the new resource: what the body has is written over what is there, and what it does not mention stays. The record is looked at once more
// first, as it is when nobody else of this process writes to it.
func (s *Service) linkTo(ctx context.Context, c *class, req scim.Request, key backends.Key, l likeness, body *scim.Object) (*scim.Result, error) {
	body, hidden := c.withoutSecrets(body)
	req.Dropped = slices.Concat(req.Dropped, hidden)
	op, message := scim.NewObject(), scim.NewObject()
	op.Set("op", "replace")
	op.Set("value", body)
	message.Set("schemas", []any{scim.PatchOpURN})
	message.Set("Operations", []any{op})
	p, _, err := c.rt.DecodePatch(message, req.Caller.Profile)
	if err != nil {
		return nil, err
	}
	return s.update(ctx, req, string(key), change{action: journal.ActionAdopt, apply: func(before *scim.Object) (*scim.Object, []scim.SetDelta, error) {
		if !scim.Match(l.filter(), c.rt, before) {
			return nil, nil, errUnlike
		}
		if err := l.freeFor(body, before, key); err != nil {
			return nil, nil, err
		}
		after, deltas, err := p.Apply(c.rt, before, nil)
		if err == nil && !l.enables && isActive(before, false) && isActive(after, true) {
			return nil, nil, errUnlike // it was disabled since it was found
		}
		return after, deltas, err
	}})
}

// freeFor refuses a record that this client knows already as another resource of its own.
func (l likeness) freeFor(body, before *scim.Object, key backends.Key) error {
	switch was, is := externalID(before), externalID(body); {
	case was == "" || was == is:
		return nil
	case is == "":
		return notUnique("The resource with the same %s, whose id is %s, is known by an externalId, and this one brings none. Nothing was made.", l.words(), key)
	default:
		return notUnique("The resource with the same %s, whose id is %s, has another externalId already. Nothing was made.", l.words(), key)
	}
}

func externalID(res *scim.Object) string {
	v, _ := res.Get("externalId")
	text, _ := v.(string)
	return text
}

// withoutSecrets leaves out what clients write and nobody reads: the password of an account in use is not replaced by one that a client has made up, and none could be
// put back.
func (c *class) withoutSecrets(body *scim.Object) (rest *scim.Object, dropped []string) {
	rest = body.Clone()
	leave := func(uri string, attrs []*scim.Attribute) {
		holder := holderOf(rest, uri, false)
		if holder == nil {
			return
		}
		for _, a := range attrs {
			if _, there := holder.Get(a.Name); there && a.Mutability == scim.WriteOnly {
				holder.Delete(a.Name)
				dropped = append(dropped, scim.Ref{URI: uri, Attr: a}.String())
			}
		}
		dropEmpty(rest, uri)
	}
	leave("", c.rt.Schema.Attributes)
	for _, ext := range c.rt.Extensions {
		leave(ext.Schema.ID, ext.Schema.Attributes)
	}
	return rest, dropped
}
