package postgres

import "slices"

// fragment is a piece of SQL in the making whose arguments have no numbers yet, so that pieces can be made in any order and put together in another.
// It is never changed: each method gives a new one.
type fragment struct {
	tokens []token
	sure   bool    // a condition that is never NULL
	fixed  verdict // a condition that is always the same
}

// token is SQL of our own, an argument, or what writes itself.
type token struct {
	sql   string
	arg   *argument
	write func(*statement)
}

// argument is a value and the type that it is cast to.
type argument struct {
	value any
	typ   string
}

// verdict is what is known of a condition beforehand.
type verdict uint8

const (
	open verdict = iota
	always
	never
)

// code is a fragment of SQL of our own. Never a value.
func code(parts ...string) fragment { return fragment{}.sql(parts...) }

// constant is a condition that is decided.
func constant(b bool) fragment {
	if b {
		return fragment{tokens: []token{{sql: "true"}}, sure: true, fixed: always}
	}
	return fragment{tokens: []token{{sql: "false"}}, sure: true, fixed: never}
}

func (f fragment) with(tokens ...token) fragment {
	return fragment{tokens: append(slices.Clip(f.tokens), tokens...)}
}

// sql appends SQL of our own. Never a value.
func (f fragment) sql(parts ...string) fragment {
	for _, part := range parts {
		f = f.with(token{sql: part})
	}
	return f
}

// arg appends an argument, cast to a type.
func (f fragment) arg(v any, typ string) fragment {
	return f.with(token{arg: &argument{v, typ}})
}

// add appends another fragment.
func (f fragment) add(others ...fragment) fragment {
	for _, o := range others {
		f = f.with(o.tokens...)
	}
	return f
}

// certain says that the condition is never NULL.
func (f fragment) certain() fragment {
	f.sure = true
	return f
}

// to writes the fragment into a statement.
func (f fragment) to(st *statement) {
	for _, t := range f.tokens {
		switch {
		case t.arg != nil:
			st.arg(t.arg.value, t.arg.typ)
		case t.write != nil:
			t.write(st)
		default:
			st.sql(t.sql)
		}
	}
}

// conjunction holds when all terms do. A NULL among them is as good as false where the whole is: under WHERE, IS TRUE and IS NOT TRUE.
func conjunction(terms ...fragment) fragment { return joined(" AND ", always, terms) }

// disjunction holds when one of the terms does.
func disjunction(terms ...fragment) fragment { return joined(" OR ", never, terms) }

// joined leaves out terms that are neutral, and is decided by one that is the contrary.
func joined(by string, neutral verdict, terms []fragment) fragment {
	var left []fragment
	sure := true
	for _, t := range terms {
		switch t.fixed {
		case neutral:
		case open:
			left = append(left, t)
			sure = sure && t.sure
		case always, never:
			return t
		}
	}
	switch len(left) {
	case 0:
		return constant(neutral == always)
	case 1:
		return left[0]
	}
	tokens := []token{{sql: "("}} // in one go: there may be thousands of terms
	for i, t := range left {
		if i > 0 {
			tokens = append(tokens, token{sql: by})
		}
		tokens = append(tokens, t.tokens...)
	}
	return fragment{tokens: append(tokens, token{sql: ")"}), sure: sure}
}

// negation holds when f is false or NULL: what is absent passes no test, and so passes the negation of each.
func negation(f fragment) fragment {
	switch {
	case f.fixed != open:
		return constant(f.fixed == never)
	case f.sure:
		return code("(NOT ").add(f).sql(")").certain()
	}
	return code("((").add(f).sql(") IS NOT TRUE)").certain()
}
