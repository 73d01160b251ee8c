package configs

import "time"

// What the guard counts.
const (
	GuardDelete       = "delete"
	GuardDisable      = "disable"
	GuardRemoveMember = "remove_member"
)

// Whose changes a limit counts together.
const (
	GuardPerClient = "client"
	GuardPerAll    = "all"
)

// What becomes of the limits while the journal's database is away.
const (
	SpoolingDivide = "divide" // each process has its share of count, by server.replicas
	SpoolingRefuse = "refuse" // what a limit counts is refused
)

// Guard stops who changes too much in too short a time.
type Guard struct {
	Limits              []GuardLimit `config:"limits"`
	WhenSpooling        string       `config:"when_spooling"`
	ProtectedAttributes []string     `config:"protected_attributes"` // SCIM paths that nobody may change
}

// GuardLimit is how many changes of a kind a window of time may see: Count, Percent, or the smaller of both.
type GuardLimit struct {
	Kind    string   `config:"kind"`
	Count   int      `config:"count"`   // 0: not said
	Percent float64  `config:"percent"` // of all that there are; 0: not said
	Window  Duration `config:"window"`
	Per     string   `config:"per"`
}

// setDefaults says what holds where an element of the list says nothing.
func (l *GuardLimit) setDefaults() { l.Window, l.Per = time.Hour, GuardPerClient }

// Validate checks the section. Whether the protected attributes are mapped is for whoever knows the mappings.
func (g Guard) Validate() Faults {
	faults := oneOf("when_spooling", g.WhenSpooling, []string{SpoolingDivide, SpoolingRefuse})
	for i, l := range g.Limits {
		at := index("limits", i)
		for _, f := range l.Validate() {
			f.Path = join(at, f.Path)
			faults = append(faults, f)
		}
		for first, before := range g.Limits[:i] {
			if before.Kind == l.Kind && before.Per == l.Per && before.Window == l.Window {
				faults = faults.add(at, "keep one of the two, or give it another window", "limits the same as limits[%d]", first)
				break
			}
		}
	}
	return append(faults, checkNames("protected_attributes", g.ProtectedAttributes)...)
}

// Validate checks one limit.
func (l GuardLimit) Validate() Faults {
	faults := oneOf("kind", l.Kind, []string{GuardDelete, GuardDisable, GuardRemoveMember})
	faults = append(faults, oneOf("per", l.Per, []string{GuardPerClient, GuardPerAll})...)
	if l.Count < 0 {
		faults = faults.add("count", "write how many are allowed in the window", "is negative")
	}
	if l.Percent < 0 || l.Percent > 100 {
		faults = faults.add("percent", "write a number in between", "must be more than 0, and 100 at most")
	}
	if l.Count == 0 && l.Percent == 0 {
		faults = faults.add("count", "write count: 50, or percent: 5, or both", "the limit does not say how many")
	}
	return append(faults, within("window", l.Window, time.Second, 31*24*time.Hour)...)
}
