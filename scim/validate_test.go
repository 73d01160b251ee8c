package scim

import "testing"

func TestValidate(t *testing.T) {
	required := func(rt *ResourceType) *ResourceType {
		rt.Extensions[0].Required = true
		return rt
	}
	for claim, c := range map[string]struct {
		rt            *ResourceType
		after, before string // before "" on create
		want          string // "" when it may be so
	}{
		"a new user":                              {userType(), `{"userName":"bj"}`, ``, ""},
		"a new user without a name":               {userType(), `{"displayName":"bj"}`, ``, InvalidValue},
		"a new user with an empty name":           {userType(), `{"userName":""}`, ``, InvalidValue},
		"a name that is gone":                     {userType(), `{"id":"1"}`, `{"id":"1","userName":"bj"}`, InvalidValue},
		"a name that has not been read":           {userType(), `{"title":"x"}`, `{"title":"y"}`, ""},
		"a new group without a name":              {groupType(), `{"members":[{"value":"a"}]}`, ``, InvalidValue},
		"a new badge without a required part":     {badgeType(), `{"case":{"mark":"x"}}`, ``, InvalidValue},
		"a required part that was lacking":        {badgeType(), `{"case":{"mark":"x"}}`, `{"case":{"mark":"x"}}`, ""},
		"a required part that is gone":            {badgeType(), `{"case":{"mark":"x"}}`, `{"case":{"mark":"x","size":"L"}}`, InvalidValue},
		"two that become primary":                 {userType(), `{"userName":"b","emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, `{"userName":"b","emails":[{"value":"a","primary":true}]}`, InvalidValue},
		"two that were primary already":           {userType(), `{"userName":"c","emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, `{"userName":"b","emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, ""},
		"a required extension":                    {required(userType()), `{"userName":"bj"}`, ``, InvalidValue},
		"a required extension that was lacking":   {required(userType()), `{"userName":"bj"}`, `{"userName":"bj"}`, ""},
		"an immutable value is set":               {badgeType(), `{"serial":"a"}`, `{"id":"1"}`, ""},
		"an immutable value changes":              {badgeType(), `{"serial":"a"}`, `{"serial":"b"}`, NotMutable},
		"an immutable value changes in case only": {badgeType(), `{"serial":"a"}`, `{"serial":"A"}`, ""},
		"an immutable value is gone":              {badgeType(), `{}`, `{"serial":"b"}`, NotMutable},
		"an immutable list in another order":      {badgeType(), `{"tags":["a","b"]}`, `{"tags":["b","a"]}`, ""},
		"an immutable list changes":               {badgeType(), `{"tags":["a","b"]}`, `{"tags":["a"]}`, NotMutable},
		"an immutable part changes":               {badgeType(), `{"case":{"size":"L","mark":"a"}}`, `{"case":{"size":"L","mark":"b"}}`, NotMutable},
		"an immutable part goes with its whole":   {badgeType(), `{}`, `{"case":{"size":"L","mark":"b"}}`, ""},
		"read-only values are the server's":       {badgeType(), `{"maker":5}`, `{"maker":"b"}`, ""},
		"one primary":                             {userType(), `{"userName":"bj","emails":[{"value":"a","primary":true},{"value":"b","primary":false}]}`, ``, ""},
		"two primaries":                           {userType(), `{"userName":"bj","emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, ``, InvalidValue},
		"a type that nobody suggested":            {userType(), `{"userName":"bj","emails":[{"value":"a","type":"jgo-CM"}]}`, ``, ""},
		"a number where a string belongs":         {userType(), `{"userName":5}`, ``, InvalidValue},
		"one value where a list belongs":          {userType(), `{"userName":"bj","emails":{"value":"a"}}`, ``, InvalidValue},
		"a list where one value belongs":          {userType(), `{"userName":["bj"]}`, ``, InvalidValue},
		"a string where an object belongs":        {userType(), `{"userName":"bj","name":"x"}`, ``, InvalidValue},
		"a string among objects":                  {userType(), `{"userName":"bj","emails":["x"]}`, ``, InvalidValue},
		"a wrong part":                            {userType(), `{"userName":"bj","name":{"givenName":5}}`, ``, InvalidValue},
		"an extension that is no object":          {userType(), `{"userName":"bj","` + EnterpriseURN + `":"x"}`, ``, InvalidValue},
		"a wrong value in an extension":           {userType(), `{"userName":"bj","` + EnterpriseURN + `":{"department":5}}`, ``, InvalidValue},
		"an external id that is no string":        {userType(), `{"userName":"bj","externalId":5}`, ``, InvalidValue},
	} {
		t.Run(claim, func(t *testing.T) {
			var before *Object
			if c.before != "" {
				before = parse(t, c.before)
			}
			err := c.rt.Validate(parse(t, c.after), before)
			if c.want != "" {
				_ = wantError(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestValidateSeesAnExtensionThatIsGone(t *testing.T) {
	rt := userType()
	rt.Extensions[0].Schema.Attribute("employeeNumber").Mutability = Immutable
	before := parse(t, `{"userName":"bj","`+EnterpriseURN+`":{"employeeNumber":"7"}}`)
	_ = wantError(t, rt.Validate(parse(t, `{"userName":"bj"}`), before), NotMutable)
}
