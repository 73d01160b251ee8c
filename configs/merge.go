package configs

// Merge lays over on base, key by key: maps are merged, lists and scalars replaced, and a null takes the key away.
// Every piece keeps the position and path of where it was written. Neither input is changed.
func Merge(base, over Node) Node {
	if over.Kind() == Missing {
		return base
	}
	if over.Kind() != Map {
		return over
	}
	merged := *over.impl
	merged.pairs = nil
	for key, value := range base.Pairs() { // nothing, when base is not a map
		mine := over.member(key.Text())
		switch mine.Kind() {
		case Missing:
			merged.pairs = append(merged.pairs, pair{key, value})
		case Null:
		default:
			merged.pairs = append(merged.pairs, pair{key, Merge(value, mine)})
		}
	}
	for key, value := range over.Pairs() {
		if base.member(key.Text()).Kind() == Missing && value.Kind() != Null {
			merged.pairs = append(merged.pairs, pair{key, Merge(Node{}, value)})
		}
	}
	return Node{&merged}
}

// member is Get without the courtesy of a positioned missing node.
func (n Node) member(key string) Node {
	for k, v := range n.Pairs() {
		if k.Text() == key {
			return v
		}
	}
	return Node{}
}

// without is the node with the members at these paths taken out.
func (n Node) without(paths map[string]bool) Node {
	if n.Kind() != Map {
		return n
	}
	rest := *n.impl
	rest.pairs = nil
	for key, value := range n.Pairs() {
		if !paths[value.Path()] {
			rest.pairs = append(rest.pairs, pair{key, value.without(paths)})
		}
	}
	return Node{&rest}
}
