// Package scim is what SCIM means (RFC 7643 and 7644) and does no I/O.
//
// It owns the values: Object, a resource or a part of one, and Error, the one error of the SCIM side. It owns the description of resources: Schema,
// Attribute and ResourceType. A mapping hands out a ResourceType that holds only what is mapped, so that here "unknown" and "not mapped" are the same.
// Everything else is a question asked of a ResourceType, in the order in which a request comes upon them:
//
//   - Resolve finds the attribute that a path means; CheckFilter refuses a filter that cannot be answered; ParseProjection reads `attributes`;
//   - ParseObject reads a body, Decode makes a resource of it, DecodePatch a Patch;
//   - Patch.Apply says what a resource looks like afterwards, Replaced the same for PUT; Validate says whether it may;
//   - Match says whether a resource fulfils a filter; Project leaves what the client may see.
//
// None of them edits what it is given. Names compare without case everywhere (RFC 7643 §2.1), and come out as the schema spells them, in its order.
// Where real clients and the RFC disagree, the code is lenient only about what is unambiguous.
package scim
