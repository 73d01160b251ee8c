package scim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOneSlipOfTheHandIsUnderstoodAndTwoAreNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := []rune("dryRun")
		at, letter := rapid.IntRange(0, len(letters)-1).Draw(t, "at"), rapid.RuneFrom([]rune("abcdefgxyzRUN")).Draw(t, "letter")
		switch rapid.IntRange(0, 3).Draw(t, "slip") {
		case 0:
			letters = slices.Insert(letters, at+1, letter)
		case 1:
			letters = slices.Delete(letters, at, at+1)
		case 2:
			letters[at] = letter
		default:
			next := min(at+1, len(letters)-1)
			letters[at], letters[next] = letters[next], letters[at]
		}
		if word := string(letters); letter != 'x' && (!MeansDryRun(word) || !ResemblesDryRun("-"+word+"_")) {
			t.Errorf("%s is not understood", word)
		}
	})
	for _, word := range []string{"dryer", "dryad", "drum", "run", "laundry", "dr", "drain", "draun", "rydnur", "runny", "prune", "", "trynow", "dryrxxn"} {
		if ResemblesDryRun(word) {
			t.Errorf("%s is taken for the question", word)
		}
	}
}

func TestLookingThroughABodyCostsWhatItIsLong(t *testing.T) {
	rt := &ResourceType{Name: "User", Endpoint: "/Users", Schema: UserSchema()}
	body := func(member string) *Object {
		text := strings.Repeat(`{"prefer":{"a":[`, 10) + strings.TrimSuffix(strings.Repeat(member+",", 20_000), ",") + strings.Repeat(`]}}`, 10)
		o, err := ParseObject([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for member, asks := range map[string]bool{`{"value":"laundry"}`: false, `{"value":"laundry"},"wait",{"b":["dry-run"]}`: true} {
		o := body(member)
		for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
			began := time.Now()
			if err := DryRunInBody(rt, method, o); (err != nil) != asks {
				t.Errorf("%s %s: %v", method, member, err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s took %s", method, took)
			}
		}
	}
}
