package ldap

import (
	"context"
	"errors"
	"regexp"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
)

// away is the error when there is no connection to be had, or it gave no answer.
func (d *Directory) away(ctx context.Context, cause error) error {
	detail := "The directory cannot be reached."
	var refused *bindError
	switch {
	case ctx.Err() != nil:
		detail = "The request was given up before the directory answered."
		cause = context.Cause(ctx)
	case errors.Is(cause, errLate):
		detail = "The directory did not answer in time."
	case errors.As(cause, &refused):
		detail = "The directory does not let the adapter in."
	}
	return &backends.Error{Kind: backends.ErrUnavailable, Detail: detail, Cause: cause}
}

// blame patterns find the attribute in what OpenLDAP, and servers that copied its texts, say beside the result code. Only a name comes out
// of them, never a value.
var blame = []*regexp.Regexp{
	regexp.MustCompile(`non-unique attributes found with \(.*\(\|\(([A-Za-z][A-Za-z0-9;.-]*)=`),
	regexp.MustCompile(`^modify/(?:add|delete|increment|replace): ([A-Za-z][A-Za-z0-9;.-]*): `),
	regexp.MustCompile(`requires attribute '([A-Za-z][A-Za-z0-9;.-]*)'`),
	regexp.MustCompile(`(?:naming )?attribute '([A-Za-z][A-Za-z0-9;.-]*)'`),
	regexp.MustCompile(`missing attribute "([A-Za-z][A-Za-z0-9;.-]*)"`),     // 389 DS
	regexp.MustCompile(`attribute "([A-Za-z][A-Za-z0-9;.-]*)" not allowed`), // 389 DS
	regexp.MustCompile(`^([A-Za-z][A-Za-z0-9;.-]*): (?:value #|multiple values|attribute type undefined|no user modification|attribute )`),
}

func blamed(diagnostic string) string {
	for _, re := range blame {
		if m := re.FindStringSubmatch(diagnostic); m != nil {
			return m[1]
		}
	}
	return ""
}

// translate turns what the server answered into the closed set of errors. It is the one place where result codes (RFC 4511 §4.1.9) are
// looked at. The server's text is the cause, for the log; the detail is ours.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*backends.Error](err); ok {
		return err
	}
	var answer *goldap.Error
	if !errors.As(err, &answer) {
		return &backends.Error{Kind: backends.ErrUnavailable, Detail: "The directory cannot be reached.", Cause: err}
	}
	diagnostic := ""
	if answer.Err != nil {
		diagnostic = answer.Err.Error()
	}
	out := &backends.Error{Attr: blamed(diagnostic), Cause: err}
	out.Detail, out.Kind = meaning(answer.ResultCode, diagnostic, out.Attr)
	return out
}

// meaning is the kind of error behind a result code and a sentence that a client may read.
func meaning(code uint16, diagnostic, attr string) (detail string, kind error) {
	subject := "a value"
	if attr != "" {
		subject = "the value of " + attr
	}
	switch code {
	case goldap.LDAPResultNoSuchObject:
		return "The directory has no such entry.", backends.ErrNotFound
	case goldap.LDAPResultEntryAlreadyExists:
		return "The directory already has an entry of this name.", backends.ErrExists
	case goldap.LDAPResultAttributeOrValueExists, goldap.LDAPResultNoSuchAttribute:
		return noEffect(diagnostic, subject)
	case goldap.LDAPResultAssertionFailed:
		return "The entry is no longer as it was read.", backends.ErrChanged
	case goldap.LDAPResultConstraintViolation:
		return constraint(diagnostic, subject)
	case goldap.LDAPResultObjectClassViolation:
		return objectClassDetail(diagnostic, attr), backends.ErrInvalid
	case goldap.LDAPResultInvalidAttributeSyntax:
		return "The directory cannot hold " + subject + ": its syntax does not allow it.", backends.ErrInvalid
	case goldap.LDAPResultUndefinedAttributeType, goldap.LDAPResultInappropriateMatching:
		return "The directory's schema does not allow this for " + subject + ".", backends.ErrInvalid
	case goldap.LDAPResultInvalidDNSyntax, goldap.LDAPResultNamingViolation:
		return "The directory cannot name an entry like this.", backends.ErrInvalid
	case goldap.LDAPResultNotAllowedOnRDN:
		return "This value is part of the entry's name and changes only by renaming the entry.", backends.ErrInvalid
	case goldap.LDAPResultObjectClassModsProhibited:
		return "The directory does not let the kind of an entry change.", backends.ErrInvalid
	case goldap.LDAPResultNotAllowedOnNonLeaf:
		return "The entry has entries below it.", backends.ErrRefused
	case goldap.LDAPResultInsufficientAccessRights, goldap.LDAPResultAuthorizationDenied, goldap.LDAPResultStrongAuthRequired,
		goldap.LDAPResultConfidentialityRequired, goldap.LDAPResultInappropriateAuthentication, goldap.LDAPResultInvalidCredentials:
		return "The adapter's account has no right to do this in the directory.", backends.ErrRefused
	case goldap.LDAPResultUnwillingToPerform, goldap.LDAPResultUnavailableCriticalExtension, goldap.LDAPResultAffectsMultipleDSAs,
		goldap.LDAPResultAuthMethodNotSupported, goldap.LDAPResultLoopDetect, goldap.LDAPResultAliasProblem, goldap.LDAPResultAliasDereferencingProblem:
		return "The directory is not willing to do this.", backends.ErrRefused
	case goldap.LDAPResultReferral:
		return "The entry is in the care of another server; the directory only refers to it.", backends.ErrRefused
	case goldap.LDAPResultTimeLimitExceeded, goldap.LDAPResultSizeLimitExceeded, goldap.LDAPResultAdminLimitExceeded:
		return "The directory does not give answers of this size.", backends.ErrTooMany
	case goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultOperationsError, goldap.LDAPResultProtocolError, goldap.LDAPResultOther:
		return "The directory cannot do this at the moment.", backends.ErrUnavailable
	case goldap.ErrorFilterCompile:
		return "The directory cannot be asked this.", backends.ErrInvalid
	}
	return "The directory failed.", backends.ErrUnavailable
}

// noEffect: 20 and 16 say that a value to add is there, or one to remove is not; 20 also that one request named a value twice.
func noEffect(diagnostic, subject string) (detail string, kind error) {
	if strings.Contains(diagnostic, "provided more than once") {
		return "The request gives " + subject + " more than once.", backends.ErrInvalid
	}
	return "The directory already holds a value that was to be added, or does not hold one that was to be removed.", backends.ErrNoEffect
}

// constraint: 19 is said by the uniqueness overlay, by the password policy, and of attributes that are single-valued or not the user's to write.
func constraint(diagnostic, subject string) (detail string, kind error) {
	lower := strings.ToLower(diagnostic)
	switch {
	case strings.Contains(lower, "non-unique"), strings.Contains(lower, "already exists"), strings.Contains(lower, "already in use"):
		return "Another entry already has " + subject + ".", backends.ErrExists
	case strings.Contains(lower, "password"):
		return "The directory's password policy refuses this password.", backends.ErrInvalid
	case strings.Contains(lower, "multiple values"):
		return "The directory holds one value at most of this attribute.", backends.ErrInvalid
	case strings.Contains(lower, "no user modification"):
		return "The directory maintains this attribute itself.", backends.ErrInvalid
	}
	return "The directory's rules do not allow " + subject + ".", backends.ErrInvalid
}

func objectClassDetail(diagnostic, attr string) string {
	switch {
	case attr == "":
		return "The directory's schema does not allow an entry like this."
	case strings.Contains(diagnostic, "not allowed"):
		return "The directory's schema does not allow the attribute " + attr + " in this entry."
	}
	return "The directory's schema demands the attribute " + attr + "."
}
