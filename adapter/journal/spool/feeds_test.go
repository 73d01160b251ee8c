package spool

import (
	"context"
	"path/filepath"
	"testing"
)

func TestThoseWhoFeedTakeTurnsThroughASpoolToo(t *testing.T) {
	t.Parallel()
	g, ctx := newGround(t), context.Background()
	first := g.open(nil)
	g.path = filepath.Join(t.TempDir(), "spool.sqlite")
	second := g.open(nil)
	if _, known, mine, err := first.TakeFeed(ctx, "siem"); known || !mine || err != nil {
		t.Fatalf("the first: %t, %t, %v", known, mine, err)
	}
	if mine, err := first.KeepFeed(ctx, "siem", "7"); !mine || err != nil {
		t.Fatalf("the first keeps: %t, %v", mine, err)
	}
	if place, known, mine, err := second.TakeFeed(ctx, "siem"); place != "7" || !known || mine || err != nil {
		t.Errorf("the second: %s, %t, %t, %v", place, known, mine, err)
	}
	must(t, first.GiveFeed(ctx, "siem"))
	if place, _, mine, err := second.TakeFeed(ctx, "siem"); place != "7" || !mine || err != nil {
		t.Errorf("the second, when the first has given it: %s, %t, %v", place, mine, err)
	}
}
