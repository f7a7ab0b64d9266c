// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package tlsutil

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"
	"time"
)

const day = 24 * time.Hour

// madeAfter is an authority that is made when so much time has passed.
func madeAfter(t *testing.T, passed time.Duration) *Authority {
	t.Helper()
	a, err := NewAuthority("orders", now.Add(passed), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRenewAt(t *testing.T) {
	t.Parallel()
	own := newAuthority(t)
	server := newServer(t, own)
	for name, tc := range map[string]struct {
		by   *Authority
		want time.Duration
	}{
		"by its own authority":                            {own, 60 * day},
		"by one that is long known":                       {madeAfter(t, 10*day), 60 * day},
		"by one that must become known first":             {madeAfter(t, 58*day), 65 * day},
		"by one that comes when little time is left":      {madeAfter(t, 80*day), 85 * day},
		"by one that was made when it had expired":        {madeAfter(t, 100*day), 95 * day},
		"by a stranger that is as old as the certificate": {newAuthority(t), 60 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := tc.by.RenewAt(server)
			if err != nil {
				t.Fatal(err)
			}
			if got := at.Sub(now); got < tc.want-10*time.Minute || got > tc.want+10*time.Minute {
				t.Errorf("renewed after %s, want %s", got, tc.want)
			}
		})
	}
	if _, err := own.RenewAt(Pair{CertPEM: []byte("nonsense")}); err == nil {
		t.Error("nonsense was read as a certificate")
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	first, second, third := newAuthority(t), madeAfter(t, 10*day), madeAfter(t, 20*day)
	spoilt := slices.Concat([]byte("nonsense"), newServer(t, first).CertPEM, first.CertPEM)
	join := func(all ...*Authority) []byte {
		var joined []byte
		for _, a := range all {
			joined = append(joined, a.CertPEM...)
		}
		return joined
	}
	for name, tc := range map[string]struct {
		of      *Authority
		trusted []byte
		at      time.Duration
		want    []byte
	}{
		"the first":                   {first, nil, 0, first.CertPEM},
		"the first, again":            {first, first.CertPEM, day, first.CertPEM},
		"the second, beside":          {second, first.CertPEM, 10 * day, join(second, first)},
		"a third":                     {third, join(second, first), 20 * day, join(third, second, first)},
		"nothing is listed twice":     {third, join(second, third), 20 * day, join(third, second)},
		"the last day of the earlier": {second, first.CertPEM, 99 * day, join(second, first)},
		"alone":                       {second, first.CertPEM, 100 * day, second.CertPEM},
		"no leaf, and no nonsense":    {second, spoilt, 10 * day, join(second, first)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.of.Bundle(tc.trusted, now.Add(tc.at))
			if !bytes.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if again := tc.of.Bundle(got, now.Add(tc.at)); !bytes.Equal(again, got) {
				t.Error("a bundle that is made again is another")
			}
		})
	}
}

func TestABundleIsBounded(t *testing.T) {
	t.Parallel()
	var bundle []byte
	for range 2 * maxEarlier {
		bundle = newAuthority(t).Bundle(bundle, now)
	}
	if n := len(parseAuthorities(bundle)); n != maxEarlier+1 {
		t.Errorf("%d authorities, want %d", n, maxEarlier+1)
	}
}

// TestNobodyIsDistrustedInARotation replaces an authority as the operator does, with every end of a connection late by
// a day, and connects all of them every day.
func TestNobodyIsDistrustedInARotation(t *testing.T) {
	t.Parallel()
	type state struct {
		bundle []byte
		leaf   Pair
	}
	authority := newAuthority(t)
	history := []state{{authority.Bundle(nil, now), newServer(t, authority)}}
	for passed := day; passed < 250*day; passed += day {
		if passed == 40*day || passed == 60*day || passed == 130*day {
			authority = madeAfter(t, passed)
		}
		at, last := now.Add(passed), history[len(history)-1]
		next := state{authority.Bundle(last.bundle, at), renewed(t, authority, last.leaf, at)}
		history = append(history, next)
		for _, shown := range []state{last, next} {
			for _, trusts := range []state{last, next} {
				want := Expectation{CA: trusts.bundle, Usage: x509.ExtKeyUsageServerAuth, Now: at}
				if err := shown.leaf.Verify(want); err != nil {
					t.Fatalf("%s after the beginning: %v", passed, err)
				}
			}
		}
	}
	if n := len(parseAuthorities(history[len(history)-1].bundle)); n != 1 {
		t.Errorf("%d authorities are trusted in the end, want the last alone", n)
	}
}

// renewed is a pair as it is shown at a time: itself, or what takes its place.
func renewed(t *testing.T, by *Authority, p Pair, at time.Time) Pair {
	t.Helper()
	due, err := by.RenewAt(p)
	if err != nil {
		t.Fatal(err)
	}
	if at.Before(due) {
		return p
	}
	p, err = by.IssueServer("orders", names, at, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
