// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// fixture is the frame with PostgreSQL in it.
type fixture struct{ *frame.Frame }

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return &fixture{frame.New(t)}
}

func quantity(s string) resource.Quantity { return resource.MustParse(s) }

var orders = v1alpha1.ClusterReference{Name: "orders"}

// newCluster is a small PostgreSQL; change may make it another.
func (f *fixture) newCluster(name string, members int32, change ...func(*v1alpha1.DatabaseCluster)) {
	f.Helper()
	c := frame.Small(name, v1alpha1.EnginePostgreSQL, "17", members)
	for _, x := range change {
		x(c)
	}
	f.Create(c)
}

// route is how an application logs in through a Service.
func (f *fixture) route(ctx context.Context, cluster, service string) (*pgx.ConnConfig, error) {
	r, err := f.Route(ctx, cluster, service)
	if err != nil {
		return nil, err
	}
	return r.PostgreSQL()
}

// query asks a cluster through one of its Services, as an application would.
func (f *fixture) query(ctx context.Context, cluster, service, sql string) (answer string, err error) {
	config, err := f.route(ctx, cluster, service)
	if err != nil {
		return "", err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return "", err
	}
	answers, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		values := r.RawValues()
		if len(values) == 0 {
			return "", nil
		}
		return string(values[0]), nil
	})
	return strings.Join(answers, "\n"), err
}

// write and mustHave are the test's own data.
func (f *fixture) write(cluster string, rows int) {
	f.Helper()
	f.Eventually(fmt.Sprintf("wrote %d rows", rows), func(ctx context.Context) error {
		if _, err := f.query(ctx, cluster, cluster+"-rw", "CREATE TABLE IF NOT EXISTS seen (n int PRIMARY KEY)"); err != nil {
			return err
		}
		_, err := f.query(ctx, cluster, cluster+"-rw", fmt.Sprintf(
			"INSERT INTO seen SELECT generate_series(1, %d) ON CONFLICT DO NOTHING", rows))
		return err
	})
}

func (f *fixture) mustHave(cluster, service string, rows int) {
	f.Helper()
	f.Eventually(fmt.Sprintf("found %d rows through %s", rows, service), func(ctx context.Context) error {
		got, err := f.query(ctx, cluster, service, "SELECT count(*)::text FROM seen")
		if err == nil && got != fmt.Sprint(rows) {
			err = fmt.Errorf("%s rows, want %d", got, rows)
		}
		return err
	})
}
