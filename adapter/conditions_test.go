package adapter

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// conditionalWrites are the ways in which a write reaches the directory, and how another process comes between its reading and its writing.
var conditionalWrites = map[string]struct {
	typ string
	do  func(h *house, req scim.Request, id string) error
}{
	"PATCH": {"User", func(h *house, req scim.Request, id string) error {
		_, err := h.tryPatch(req, id, `{"op":"replace","path":"title","value":"mine"}`)
		return err
	}},
	"PUT": {"User", func(h *house, req scim.Request, id string) error {
		_, err := h.Replace(h.t.Context(), req, id, h.body("User", `{"userName":"anna","title":"mine"}`))
		return err
	}},
	"DELETE": {"User", func(h *house, req scim.Request, id string) error { return h.Delete(h.t.Context(), req, id) }},
	"a PATCH that only adds a member": {"Group", func(h *house, req scim.Request, id string) error {
		_, err := h.tryPatch(req, id, `{"op":"add","path":"members","value":[{"value":"`+h.user("new").ID+`"}]}`)
		return err
	}},
}

// stage makes the resource that is written, and has another process change it when it is about to be written for the first time; that process then calls
// between.
func stageWrite(t *testing.T, typ string, between func(h *house, id string)) (h *house, id, version string) {
	h = newHouse(t)
	var res *scim.Result
	backend, attr := h.users, "title"
	if typ == "User" {
		res = h.user("anna")
	} else {
		res, backend, attr = h.group("staff", h.user("anna").ID), h.groups, "description"
	}
	begun := false
	change := func() (error, bool) {
		if begun {
			return nil, false
		}
		begun = true
		theirs := []backends.Change{{Op: backends.Replace, Attr: attr, Values: backends.Strings("theirs")}}
		if _, err := backend.Backend.Modify(t.Context(), backends.Key(res.ID), theirs, backends.Condition{}, nil); err != nil {
			t.Error(err)
		}
		between(h, res.ID)
		return nil, false
	}
	backend.modify = func([]backends.Change) (error, bool) { return change() }
	backend.remove = change
	return h, res.ID, res.Version
}

func TestAVersionThatIsNotExcludedIsWritten(t *testing.T) {
	for name, write := range conditionalWrites {
		t.Run(name, func(t *testing.T) {
			h, id, _ := stageWrite(t, write.typ, func(*house, string) {})
			req := h.req(write.typ)
			req.IfNoneMatch = []string{`W/"another"`}
			if err := write.do(h, req, id); err != nil {
				t.Errorf("somebody else wrote a version that is not excluded either: %v", err)
			}
		})
	}
}

func TestAnExcludedVersionIsNotWrittenWhenItComesLate(t *testing.T) {
	for name, write := range conditionalWrites {
		for _, ifMatch := range [][]string{nil, {"*"}} {
			t.Run(name, func(t *testing.T) {
				tags := []string{`W/"another"`}
				h, id, _ := stageWrite(t, write.typ, func(h *house, id string) { tags[0] = h.get(write.typ, id).Version })
				req := h.req(write.typ)
				req.IfNoneMatch, req.IfMatch = tags, ifMatch
				err := write.do(h, req, id)
				if e := wantStatus(t, err, 412, ""); e.Detail == "" {
					t.Error("no reason is given")
				}
				if res := h.get(write.typ, id); res.Version != tags[0] {
					t.Errorf("%s was written over", tags[0])
				}
			})
		}
	}
}

func TestAnExcludedVersionIsNotWritten(t *testing.T) {
	for name, write := range conditionalWrites {
		for _, tag := range []string{"*", "the version", "the version among others"} {
			t.Run(name+", "+tag, func(t *testing.T) {
				h, id, version := stageWrite(t, write.typ, func(*house, string) { t.Error("it came to a write") })
				req := h.req(write.typ)
				switch req.IfNoneMatch = []string{tag}; tag {
				case "the version":
					req.IfNoneMatch = []string{version}
				case "the version among others":
					req.IfNoneMatch, req.IfMatch = []string{`"x"`, version}, []string{version}
				}
				wantStatus(t, write.do(h, req, id), 412, "")
			})
		}
	}
}
