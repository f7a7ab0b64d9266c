// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	o, err := Parse([]string{"--agent-image=example.com/atlasdb:v1", "--namespaces=shop,stock"})
	if err != nil {
		t.Fatal(err)
	}
	if o.LeaderElection != electionDefaults {
		t.Errorf("leader election = %+v, want %+v", o.LeaderElection, electionDefaults)
	}
	if o.DrainTimeout != 20*time.Second || o.Workers != 10 || o.ResyncPeriod != 0 || len(o.Namespaces) != 2 {
		t.Errorf("options = %+v", o)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const image = "--agent-image=example.com/atlasdb:v1"
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no image":         {want: "--agent-image is required"},
		"unknown flag":     {args: []string{image, "--colour"}, want: "unknown flag: --colour"},
		"argument":         {args: []string{image, "run"}, want: "unexpected arguments: run"},
		"no workers":       {args: []string{image, "--workers=0"}, want: "--workers must be at least 1"},
		"negative drain":   {args: []string{image, "--drain-timeout=-1s"}, want: "--drain-timeout must not be negative"},
		"negative resync":  {args: []string{image, "--resync-period=-1s"}, want: "--resync-period must not be negative"},
		"no requests":      {args: []string{image, "--kube-api-qps=0"}, want: "--kube-api-qps must be positive"},
		"no burst":         {args: []string{image, "--kube-api-burst=0"}, want: "--kube-api-burst must be at least 1"},
		"log format":       {args: []string{image, "--log-format=xml"}, want: `--log-format must be text or json, not "xml"`},
		"namespace":        {args: []string{image, "--namespaces=Shop"}, want: `--namespaces: "Shop": `},
		"empty namespace":  {args: []string{image, "--namespaces=shop,"}, want: `--namespaces: "": `},
		"namespace twice":  {args: []string{image, "--namespaces=shop,shop"}, want: `"shop" is given twice`},
		"lease name":       {args: []string{image, "--leader-elect-name="}, want: "must not be empty"},
		"lease fractions":  {args: []string{image, "--leader-elect-lease-duration=15500ms"}, want: "must be whole seconds"},
		"lease too short":  {args: []string{image, "--leader-elect-lease-duration=12s"}, want: "(12s) must be longer than"},
		"retries too slow": {args: []string{image, "--leader-elect-retry-period=9s"}, want: "longer than 1.2 times"},
		"no retry period":  {args: []string{image, "--leader-elect-retry-period=0s"}, want: "longer than 1.2 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse(test.args); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse(%q) = %v, want an error with %q", test.args, err, test.want)
			}
		})
	}
}

func TestParseNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := Parse([]string{"--workers=0", "--log-format=xml"})
	for _, flag := range []string{"--agent-image", "--workers", "--log-format"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("error %v does not name %s", err, flag)
		}
	}
}

func TestWithoutLeaderElectionItsTimesDoNotMatter(t *testing.T) {
	t.Parallel()
	args := []string{"--agent-image=i", "--leader-elect=false", "--leader-elect-lease-duration=1s"}
	if _, err := Parse(args); err != nil {
		t.Errorf("Parse = %v, want nil", err)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	if _, err := Parse([]string{"--help"}); !errors.Is(err, pflag.ErrHelp) {
		t.Fatalf("Parse(--help) = %v, want %v", err, pflag.ErrHelp)
	}
	var help strings.Builder
	if err := PrintHelp(&help); err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, want := range []string{
		"What to serve:", "--namespaces", "--drain-timeout", "(default 20s)", "Kubernetes API:", "--kubeconfig",
		"Leader election:", "--leader-elect-lease-duration", "Observation:", "-v, --v",
	} {
		at := strings.Index(help.String(), want)
		if at < last {
			t.Errorf("help lacks %q, or has it out of order", want)
		}
		last = at
	}
}

func TestVersionNeedsNoOtherFlag(t *testing.T) {
	t.Parallel()
	if o, err := Parse([]string{"--version"}); err != nil || !o.Version {
		t.Errorf("Parse(--version) = %+v, %v", o, err)
	}
}
