// Package lens is the table of lenses: the words that may stand after an attribute in a mapping's pipeline.
//
// A lens looks at an attribute's values from the directory's side and shows them as SCIM has them (Get), puts SCIM values back into
// what was there (Put), and says a SCIM filter in the directory's terms (Where). Three laws hold for each of them, and a property
// test runs them over the whole table:
//
//   - Get(Put(before, v)) is v in the lens's normal form;
//   - Put keeps every native value that Get does not show: an unknown code, another domain's address;
//   - Where(t) holds for a record exactly when some value that Get shows of it fulfils t.
//
// Each row carries its documentation and examples. The examples run as tests, and docs/lenses.md is made of both.
//
// The last law needs care with the directory's own comparison, which the lens does not know. So a lens that compares words says by
// which rule (see ruled), and whether the directory can do it is the backend's to answer. Where an exact condition cannot be said, for
// example of several values at once, Where declines and the filter is tested on the SCIM side.
package lens
