package configs

import "strings"

// Suggest finds the known word that was probably meant: the same but for case and separators, or the nearest one
// within a distance that grows with the length.
func Suggest(word string, known []string) (string, bool) {
	best, bestDistance := "", len(word)/3+1
	for _, k := range known {
		if plain(k) == plain(word) {
			return k, true
		}
		if d := distance(word, k); d < bestDistance || (d == bestDistance && best == "") {
			best, bestDistance = k, d
		}
	}
	// A word of which most letters would change was not meant.
	return best, best != "" && bestDistance*2 < len(best)
}

func plain(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
}

// distance is how many letters must be put in, taken out, exchanged or swapped with their neighbour.
func distance(a, b string) int {
	before, last := []int{}, make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
