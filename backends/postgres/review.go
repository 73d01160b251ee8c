package postgres

import (
	"context"
	"slices"

	"github.com/scim-adapter/scim-adapter/configs"
)

// Review meets the database and says where it is not what the classes take it for, and what the adapter's role may do that it should not.
func (d *Directory) Review(ctx context.Context) (configs.Faults, []string, error) {
	if err := d.reach(ctx); err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	classes := slices.Clone(d.classes)
	d.mu.Unlock()
	var faults configs.Faults
	var warnings []string
	for _, c := range classes {
		f, err := c.fitting(ctx, true)
		if err != nil {
			return nil, nil, err
		}
		faults = append(faults, f.faults...)
		for _, fault := range c.barred(f) {
			if !slices.ContainsFunc(faults, func(other configs.Fault) bool { return other.Remedy == fault.Remedy && other.Path == fault.Path }) {
				faults = append(faults, fault)
			}
		}
		for _, warning := range slices.Concat(c.mighty(f, &faults), c.unguarded(f, &faults), c.unwritten(f, &faults)) {
			if !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
	}
	return faults, warnings, nil
}

// mighty says of a role that it may do more than it should. Where policies are to keep tenants apart, one that they do not hold for is a fault.
func (c *class) mighty(f *fitted, faults *configs.Faults) []string {
	if f.shape == nil {
		return nil
	}
	var warnings []string
	if f.role.superuser {
		warnings = append(warnings, "the adapter connects as "+f.role.name+", a superuser, who may do everything; give it a role of its own")
	}
	for _, of := range c.relations(f.shape) {
		r := of.rel
		c.leaking(of, faults)
		switch {
		case r.rls && (f.role.superuser || f.role.bypass):
			*faults = append(*faults, of.node.Fault("connect as a role that is no superuser and has no BYPASSRLS",
				"%s has row-level security, which does not hold for the role %s", r.sql(), f.role.name))
		case r.rls && r.owned:
			*faults = append(*faults, of.node.Fault("connect as a role that does not own the table",
				"%s has row-level security, but the role %s owns it and could switch it off", r.sql(), f.role.name))
		case r.owned && !f.role.superuser:
			warnings = append(warnings, "the role "+f.role.name+" owns "+r.sql()+" and could drop it; give the adapter one that may only read and write rows")
		case !r.rls && f.role.bypass && !f.role.superuser:
			warnings = append(warnings, "the role "+f.role.name+" has BYPASSRLS, which the adapter does not need")
		}
	}
	return warnings
}

// leaking reports a view that shows rows which policies of the tables below it would keep from whoever asks.
func (c *class) leaking(of standing, faults *configs.Faults) {
	for _, l := range of.rel.leaks {
		if l.invoker {
			*faults = append(*faults, of.node.Fault("connect as a role that does not own the table, is no superuser and has no BYPASSRLS",
				"the view %s reads %s, which has row-level security, and that does not hold for the role %s", l.view, l.table, l.role))
			continue
		}
		*faults = append(*faults, of.node.Fault("ALTER VIEW "+l.view+" SET (security_invoker = true), or give the view an owner that policies hold for",
			"the view %s reads %s as its owner, %s, for whom the table's row-level security does not hold: every tenant's rows show", l.view, l.table, l.role))
	}
}

// standing is a table that a class stands on, and where the configuration names it.
type standing struct {
	rel  *relation
	node configs.Node
}

func (c *class) relations(s *shape) []standing {
	all := []standing{{s.rel, c.node.Get("table")}}
	for _, set := range s.sets {
		i := slices.IndexFunc(c.sets, func(d declared) bool { return d.Name == set.name }) // one that is not there has no place in s
		all = append(all, standing{set.rel, c.sets[i].At.Get("rows")})
	}
	return all
}
