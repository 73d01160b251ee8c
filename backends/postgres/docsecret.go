package postgres

// Whoever reads a document sees none of the secrets in it. So what is written back by what was shown keeps those that it could not know of.

// shownOf is a document as it is shown.
func shownOf(node any) any {
	switch node := node.(type) {
	case map[string]any:
		shown := make(map[string]any, len(node))
		for name, member := range node {
			if !secretName(name) {
				shown[name] = shownOf(member)
			}
		}
		return shown
	case []any:
		shown := make([]any, len(node))
		for i, element := range node {
			shown[i] = shownOf(element)
		}
		return shown
	}
	return node
}

// keepSecrets gives a document that takes the place of another, with the secrets of that one wherever it has an object in the same place and says nothing of
// them itself. Of an array the objects are in the same place that show the same, or else most of it.
func keepSecrets(before, after any) any {
	switch after := after.(type) {
	case map[string]any:
		old, _ := before.(map[string]any)
		for name, member := range old {
			fresh, there := after[name]
			switch {
			case there:
				after[name] = keepSecrets(member, fresh)
			case secretName(name):
				after[name] = member
			}
		}
	case []any:
		if old, ok := before.([]any); ok {
			keepInArray(old, after)
		}
	}
	return after
}

func keepInArray(before, after []any) {
	same := func(a, b any) bool {
		is, err := sameJSON(shownOf(a), shownOf(b))
		return err == nil && is
	}
	var olds, news []int
	taken := map[int]bool{}
	for o, old := range before {
		at := -1
		for n, fresh := range after {
			if at < 0 && !taken[n] && same(old, fresh) {
				at = n
			}
		}
		if at < 0 {
			olds = append(olds, o)
			continue
		}
		taken[at] = true
		after[at] = keepSecrets(old, after[at])
	}
	for i := range after {
		if !taken[i] {
			news = append(news, i)
		}
	}
	forms := func(nodes []any, at []int) []map[string]string {
		all := make([]map[string]string, len(at))
		for i, n := range at {
			all[i] = partForms(nodes[n])
		}
		return all
	}
	for o, n := range pair(forms(before, olds), forms(after, news), "") {
		after[news[n]] = keepSecrets(before[olds[o]], after[news[n]])
	}
}
