package scim

// GroupSchema returns the schema of groups, RFC 7643 §4.2: a fresh copy that may be edited. displayName is required in the RFC's text, if not in its JSON (§8.7.1).
// An element of members cannot be edited, only added and removed: its parts are immutable.
func GroupSchema() *Schema {
	members := []*Attribute{
		text("value", "The id of the member.", immutable),
		attribute("$ref", TypeReference, "The URL of the member.", pointsTo("User", "Group"), immutable),
		text("type", "What the member is.", oneOf("User", "Group"), immutable),
		text("display", "The name of the member.", readOnly),
	}
	return &Schema{
		ID: GroupURN, Name: "Group", Description: "A group of users, and of other groups.",
		Attributes: []*Attribute{
			text("displayName", "The name of the group.", required),
			complexOf("members", "Who belongs to the group.", members, multi),
		},
	}
}
