package embedded

import (
	"errors"
	"fmt"
)

// Code is an LDAP result code (RFC 4511 appendix A).
type Code int

// The result codes that the server answers, or that faults are usually made of.
const (
	Success                   Code = 0
	OperationsError           Code = 1
	ProtocolError             Code = 2
	TimeLimitExceeded         Code = 3
	SizeLimitExceeded         Code = 4
	CompareFalse              Code = 5
	CompareTrue               Code = 6
	AuthMethodNotSupported    Code = 7
	StrongerAuthRequired      Code = 8
	Referral                  Code = 10
	UnavailableCriticalExt    Code = 12
	ConfidentialityRequired   Code = 13
	NoSuchAttribute           Code = 16
	UndefinedAttributeType    Code = 17
	InappropriateMatching     Code = 18
	ConstraintViolation       Code = 19
	AttributeOrValueExists    Code = 20
	InvalidAttributeSyntax    Code = 21
	NoSuchObject              Code = 32
	InvalidDNSyntax           Code = 34
	InvalidCredentials        Code = 49
	InsufficientAccessRights  Code = 50
	Busy                      Code = 51
	Unavailable               Code = 52
	UnwillingToPerform        Code = 53
	NamingViolation           Code = 64
	ObjectClassViolation      Code = 65
	NotAllowedOnNonLeaf       Code = 66
	EntryAlreadyExists        Code = 68
	ObjectClassModsProhibited Code = 69
	Other                     Code = 80
	AssertionFailed           Code = 122
)

// resultError is an operation's refusal.
type resultError struct {
	code     Code
	matched  string
	text     string
	referral []string
}

func (e *resultError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

func refuse(code Code, format string, args ...any) error {
	return &resultError{code: code, text: fmt.Sprintf(format, args...)}
}

// resultOf is the result that an operation's error stands for.
func resultOf(err error) resultError {
	var r *resultError
	switch {
	case err == nil:
		return resultError{}
	case errors.As(err, &r):
		return *r
	default:
		return resultError{code: Other, text: err.Error()}
	}
}
