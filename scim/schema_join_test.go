package scim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestASchemaOfTwoTypesSaysWhatHoldsInEither(t *testing.T) {
	ours := &Schema{ID: "urn:a", Name: "A", Attributes: []*Attribute{
		text("only", "Ours.", required),
		text("both", "Ours.", required, caseExact, readOnly, uniqueness(UniqueServer), oneOf("x", "y")),
		text("same", "Ours.", required, caseExact, immutable, uniqueness(UniqueGlobal)),
		complexOf("whole", "Ours.", []*Attribute{text("a", ""), text("b", "")}, multi),
		attribute("link", TypeReference, "Ours.", pointsTo("User")),
	}}
	theirs := &Schema{ID: "urn:A", Name: "B", Attributes: []*Attribute{
		complexOf("Whole", "Theirs.", []*Attribute{text("b", "", required), text("c", "")}, multi),
		text("Both", "Theirs.", oneOf("y", "z"), secret),
		text("same", "Theirs.", required, caseExact, immutable, uniqueness(UniqueGlobal)),
		attribute("link", TypeReference, "Theirs."),
		text("other", "Theirs."),
	}}
	want := &Schema{ID: "urn:a", Name: "A", Attributes: []*Attribute{
		text("only", "Ours.", required),
		text("both", "Ours.", oneOf("x", "y", "z")),
		text("same", "Ours.", required, caseExact, immutable, uniqueness(UniqueGlobal)),
		complexOf("whole", "Ours.", []*Attribute{text("a", ""), text("b", ""), text("c", "")}, multi),
		attribute("link", TypeReference, "Ours."),
		text("other", "Theirs."),
	}}
	if diff := cmp.Diff(want, ours.Join(theirs), cmpopts.IgnoreFields(Attribute{}, "Prep")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(ours.Attributes) != 5 || !ours.Attributes[1].Required || len(ours.Attributes[3].SubAttributes) != 2 || len(ours.Attributes[1].CanonicalValues) != 2 {
		t.Error("what was joined has changed")
	}
}
