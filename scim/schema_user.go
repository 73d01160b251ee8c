package scim

// UserSchema returns the schema of users, RFC 7643 §4.1: a fresh copy that may be edited.
func UserSchema() *Schema {
	attrs := []*Attribute{
		text("userName", "The name by which the person signs in, unique in the directory and in any case of letters.", required, uniqueness(UniqueServer)),
		complexOf("name", "The parts of the person's name.", nameParts()),
		text("displayName", "The name that is shown for the person."),
		text("nickName", "What the person is called in everyday life."),
		attribute("profileUrl", TypeReference, "The address of a page about the person.", pointsTo("external")),
		text("title", "The person's title in the organisation, such as \"Vice President\"."),
		text("userType", "How the person relates to the organisation, such as \"Contractor\" or \"Employee\"."),
		text("preferredLanguage", "The languages that the person prefers, in the form of the HTTP header Accept-Language."),
		text("locale", "The person's region, by which dates, numbers and currencies are written, such as \"en-US\"."),
		text("timezone", "The person's time zone, as the IANA database names it, such as \"America/Los_Angeles\"."),
		attribute("active", TypeBoolean, "Whether the account may be used."),
		text("password", "A new password in clear text. It can be set and is never shown.", secret),
	}
	attrs = append(attrs, userContacts()...)
	attrs = append(attrs, userAccess()...)
	return &Schema{ID: UserURN, Name: "User", Description: "A person's account.", Attributes: attrs}
}

func nameParts() []*Attribute {
	return []*Attribute{
		text("formatted", "The whole name as it is written, with all of its parts."),
		text("familyName", "The family name, or last name."),
		text("givenName", "The given name, or first name."),
		text("middleName", "The middle names."),
		text("honorificPrefix", "What stands before the name, such as \"Ms.\"."),
		text("honorificSuffix", "What stands behind the name, such as \"III\"."),
	}
}

// userContacts are the ways to reach a person, and pictures.
func userContacts() []*Attribute {
	photo := attribute("value", TypeReference, "The address of the picture.", pointsTo("external"), caseExact)
	return []*Attribute{
		complexOf("emails", "The person's mail addresses.",
			labelled(text("value", "The mail address."), "work", "home", "other"), multi),
		complexOf("phoneNumbers", "The person's telephone numbers.",
			labelled(text("value", "The telephone number."), "work", "home", "mobile", "fax", "pager", "other"), multi),
		complexOf("ims", "The person's addresses for instant messages.",
			labelled(text("value", "The address."), "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"), multi),
		complexOf("photos", "Pictures of the person.", labelled(photo, "photo", "thumbnail"), multi),
		complexOf("addresses", "The person's postal addresses.", []*Attribute{
			text("formatted", "The whole address as it stands on an envelope, with line breaks."),
			text("streetAddress", "Street, house number and the like; may have several lines."),
			text("locality", "The city or town."),
			text("region", "The state or region."),
			text("postalCode", "The postal code."),
			text("country", "The country, as ISO 3166-1 alpha-2 has it."),
			text("type", "What the address is for.", oneOf("work", "home", "other")),
			attribute("primary", TypeBoolean, "Whether this is the one to be used first; true for one element at most."),
		}, multi),
	}
}

// userAccess is what a person belongs to and is allowed, and proves it with.
func userAccess() []*Attribute {
	certificate := attribute("value", TypeBinary, "The certificate, DER in base64.", caseExact)
	groups := []*Attribute{
		text("value", "The id of the group."),
		attribute("$ref", TypeReference, "The URL of the group.", pointsTo("User", "Group")),
		text("display", "The name of the group."),
		text("type", "Whether the person is a member itself or through another group.", oneOf("direct", "indirect")),
	}
	return []*Attribute{
		complexOf("groups", "The groups that the person is a member of. They are changed through the groups' own members.",
			everyPart(groups, readOnly), multi, readOnly),
		complexOf("entitlements", "Things the person is entitled to.", labelled(text("value", "The entitlement.")), multi),
		complexOf("roles", "What the person is in the organisation, such as \"Student\" or \"Faculty\".", labelled(text("value", "The role.")), multi),
		complexOf("x509Certificates", "Certificates issued to the person.", labelled(certificate), multi),
	}
}

// EnterpriseUserSchema returns the enterprise extension of users, RFC 7643 §4.3: a fresh copy that may be edited.
func EnterpriseUserSchema() *Schema {
	return &Schema{
		ID: EnterpriseURN, Name: "EnterpriseUser", Description: "What an employer knows about a person.",
		Attributes: []*Attribute{
			text("employeeNumber", "The number or code by which the organisation knows the person."),
			text("costCenter", "The cost center."),
			text("organization", "The organisation."),
			text("division", "The division."),
			text("department", "The department."),
			complexOf("manager", "The person's manager, another user.", []*Attribute{
				text("value", "The id of the manager."),
				attribute("$ref", TypeReference, "The URL of the manager.", pointsTo("User")),
				text("displayName", "The manager's name.", readOnly),
			}),
		},
	}
}
