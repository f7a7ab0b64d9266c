// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/logging"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// TestParse: an agent that does not know who it is must not begin.
func TestParse(t *testing.T) {
	const good = "--engine=PostgreSQL --cluster=orders"
	for name, tt := range map[string]struct {
		args      string
		unset     string
		format    string
		component string
		err       string
	}{
		"all that is needed": {args: good, format: logging.Text},
		"a log for machines": {args: good + " --log-format=json", format: logging.JSON},
		"of an ensemble":     {args: good + " --component=keeper", format: logging.Text, component: "keeper"},
		"another format":     {args: good + " --log-format=xml", err: "--log-format"},
		"another engine":     {args: "--engine=Oracle --cluster=orders", err: "--engine"},
		"no cluster":         {args: "--engine=PostgreSQL", err: "--cluster"},
		"an unknown flag":    {args: good + " --force", err: "force"},
		"no pod":             {args: good, unset: resource.EnvPodName, err: resource.EnvPodName},
		"no UID":             {args: good, unset: resource.EnvPodUID, err: resource.EnvPodUID},
		"no namespace":       {args: good, unset: resource.EnvPodNamespace, err: resource.EnvPodNamespace},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range map[string]string{
				resource.EnvPodNamespace: "shop", resource.EnvPodName: "orders-db-0", resource.EnvPodUID: "u-1",
			} {
				if variable == tt.unset {
					value = ""
				}
				t.Setenv(variable, value)
			}
			got, err := parse(strings.Fields(tt.args))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want an error about %s", err, tt.err)
				}
				return
			}
			if err != nil || got.format != tt.format || got.component != tt.component || len(got.id.Nonce) < 8 ||
				got.id.Incarnation() != "orders-db-0/u-1/"+got.id.Nonce {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestEveryLifeHasItsOwnNonce: by it others tell whether this life is over (PROTOCOL I5).
//
//nolint:paralleltest // the environment is the process's
func TestEveryLifeHasItsOwnNonce(t *testing.T) {
	for _, variable := range []string{resource.EnvPodNamespace, resource.EnvPodName, resource.EnvPodUID} {
		t.Setenv(variable, "x")
	}
	args := []string{"--engine=PostgreSQL", "--cluster=orders"}
	first, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := parse(args); err != nil || second.id.Nonce == first.id.Nonce {
		t.Errorf("two lives have nonce %q, %v", first.id.Nonce, err)
	}
}
