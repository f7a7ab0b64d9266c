// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package conditions

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSet(t *testing.T) {
	t.Parallel()
	before := metav1.NewTime(time.Unix(1000, 0))
	now := metav1.NewTime(time.Unix(2000, 0))
	old := metav1.Condition{
		Type: "Ready", Status: metav1.ConditionFalse, Reason: "Creating", Message: "a", LastTransitionTime: before,
	}
	other := metav1.Condition{Type: "Degraded", Status: metav1.ConditionFalse, LastTransitionTime: before}
	with := func(c metav1.Condition, change func(*metav1.Condition)) metav1.Condition {
		change(&c)
		return c
	}
	cases := map[string]struct {
		list []metav1.Condition
		set  metav1.Condition
		want []metav1.Condition
	}{
		"a new type is added at the end": {
			list: []metav1.Condition{other},
			set:  with(old, func(c *metav1.Condition) { c.LastTransitionTime = now }),
			want: []metav1.Condition{other, with(old, func(c *metav1.Condition) { c.LastTransitionTime = now })},
		},
		"another reason is no transition": {
			list: []metav1.Condition{old, other},
			set: with(old, func(c *metav1.Condition) {
				c.Reason, c.Message, c.ObservedGeneration, c.LastTransitionTime = "Scaling", "b", 7, now
			}),
			want: []metav1.Condition{with(old, func(c *metav1.Condition) {
				c.Reason, c.Message, c.ObservedGeneration = "Scaling", "b", 7
			}), other},
		},
		"another status is a transition": {
			list: []metav1.Condition{old},
			set:  with(old, func(c *metav1.Condition) { c.Status, c.LastTransitionTime = metav1.ConditionTrue, now }),
			want: []metav1.Condition{
				with(old, func(c *metav1.Condition) { c.Status, c.LastTransitionTime = metav1.ConditionTrue, now }),
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := append([]metav1.Condition{}, tc.list...)
			Set(&got, tc.set)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("unexpected conditions (-want +got):\n%s", d)
			}
		})
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("€", MaxMessageBytes) // three bytes each, so that the limit falls inside a character
	cases := map[string]struct{ in, want string }{
		"short":           {"all well", "all well"},
		"just fits":       {strings.Repeat("x", MaxMessageBytes), strings.Repeat("x", MaxMessageBytes)},
		"not valid UTF-8": {"\xff!", "?!"},
		"too long":        {long, strings.Repeat("€", (MaxMessageBytes-len(ellipsis))/3) + ellipsis},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Truncate(tc.in)
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if len(got) > MaxMessageBytes || !utf8.ValidString(got) {
				t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
			}
		})
	}
}
