// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
)

// school is what a member knows of the schema of its siblings.
type school struct {
	// schooled says that it had all of it once, behind in what they differ now, looked when that was found out.
	schooled bool
	behind   string
	looked   time.Time
	// refusal is what the server said of a table that could not be made, "" when all could.
	refusal string
	// fresh says that it has made tables and never had all that is in them.
	fresh bool
}

// lookEvery is how often the schema is compared with that of the siblings. Every comparison asks each of them.
const lookEvery = 5 * time.Second

// teachersWithin is how long a new member waits for others before that is worth telling: they may be as new.
const teachersWithin = 15 * time.Second

// lesson is what the siblings that have the plan's databases tell: one that has none has yet to learn itself.
type lesson struct {
	teachers int
	tables   []clickhouse.Table
	// unshared says that one has a database that brings its tables to nobody by itself.
	unshared bool
}

// keepSchema makes what a new member lacks, until it has everything. From then on nothing is made: what it lacks may
// have been dropped, on this member a moment earlier than on others, and is only told of.
func (d *Driver) keepSchema(ctx context.Context, plan engine.Plan) error {
	m, _, err := d.volume.mark()
	if err != nil {
		return err
	}
	d.school.schooled = m.Schooled
	if m.Schooled && time.Since(d.school.looked) < lookEvery {
		return nil
	}
	taught := d.listen(ctx, plan)
	if !m.Schooled && taught.teachers == 0 {
		if time.Since(d.run.began) > teachersWithin {
			d.school.behind = "no other member tells which tables there are"
		}
		return nil
	}
	shared := clickhouse.SharesDatabases(plan) && !taught.unshared
	if err := d.makeDatabases(ctx, plan, shared); err != nil {
		return err
	}
	mine, err := tables(ctx, d.client, plan)
	if err != nil {
		return fmt.Errorf("reading the own tables: %w", err)
	}
	missing := clickhouse.Missing(mine, taught.tables)
	if !m.Schooled {
		if missing, err = d.attend(ctx, plan, m, missing, shared); err != nil {
			return err
		}
	}
	d.compare(plan, missing, mine)
	d.school.looked = time.Now()
	return nil
}

// attend makes what a new member lacks, notes on the volume when that is nothing any more, and gives what is left.
// Shared databases bring their tables by themselves.
func (d *Driver) attend(
	ctx context.Context, plan engine.Plan, m mark, missing []clickhouse.Table, shared bool,
) ([]clickhouse.Table, error) {
	if !shared {
		missing = d.learn(ctx, plan, missing)
	}
	d.school.fresh = true
	if len(missing) > 0 {
		return missing, nil
	}
	m.Schooled, d.school.schooled, d.school.refusal = true, true, ""
	return nil, d.volume.remember(m)
}

// compare says in what the tables differ from those of the siblings. A member that is alone has nothing to share.
func (d *Driver) compare(plan engine.Plan, missing, mine []clickhouse.Table) {
	d.school.behind = ""
	if members(plan) > 1 {
		d.school.behind = clickhouse.SchemaBehind(missing, clickhouse.Alone(mine))
	}
}

// untaught is the problem of a new member that cannot make all tables of its siblings. They may come in another order
// than one needs the other, and a sibling may have yet to drop one: so it is told when that has lasted.
func (d *Driver) untaught() *engine.Problem {
	if d.school.schooled || d.school.refusal == "" || time.Since(d.run.began) < teachersWithin {
		return nil
	}
	return &engine.Problem{
		Reason: v1alpha1.ReasonSchemaBehind, Message: "a table of the other members cannot be made here: " + d.school.refusal,
	}
}

func members(plan engine.Plan) int { return len(plan.Members) - len(plan.Ensemble()) }

// learn makes tables, and gives those that it could not make. What needs another comes after it in another round.
func (d *Driver) learn(ctx context.Context, plan engine.Plan, missing []clickhouse.Table) []clickhouse.Table {
	for {
		d.school.refusal = ""
		left := slices.DeleteFunc(slices.Clone(missing), func(t clickhouse.Table) bool {
			err := d.learnTable(ctx, plan, t)
			if err != nil {
				klog.FromContext(ctx).Error(err, "A table of the siblings could not be made", "table", t.FullName())
				d.school.refusal = t.Database + "." + t.Name + ": " + brief(err.Error())
			}
			return err == nil
		})
		if len(left) == 0 || len(left) == len(missing) {
			return left
		}
		missing = left
	}
}

// learnTable makes one table. If this member had it in a former life, whose volume is gone, the keepers still wait for
// what it had then: they are told that it is lost.
func (d *Driver) learnTable(ctx context.Context, plan engine.Plan, t clickhouse.Table) error {
	err := d.client.Exec(ctx, t.Create)
	if !isTaken(err) {
		return err
	}
	path, found := clickhouse.ReplicaPath(plan, d.owner(plan), t)
	if !found {
		return err
	}
	if err := d.dropReplica(ctx, plan, path, d.options.Member); err != nil {
		return err
	}
	return d.client.Exec(ctx, t.Create)
}

// isTaken says that the keepers have what was to be made under this member's name already.
func isTaken(err error) bool { return err != nil && strings.Contains(err.Error(), "already exists") }

// owner is this member as the keepers' tree has it.
func (d *Driver) owner(plan engine.Plan) clickhouse.PathOwner {
	me, _ := plan.Member(d.options.Member)
	return clickhouse.PathOwner{Name: me.Name, Shard: me.Shard}
}

// listen asks all siblings for their tables. Those that do not answer are left out.
func (d *Driver) listen(ctx context.Context, plan engine.Plan) (all lesson) {
	for _, m := range plan.Members {
		if m.Name == d.options.Member || m.Component != "" {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, answerWithin)
		one, err := d.ask(ctx, plan, m)
		cancel()
		if err != nil {
			klog.FromContext(ctx).V(1).Info("A sibling did not tell its tables", "member", m.Name, "err", err)
			continue
		}
		all.teachers += one.teachers
		all.tables, all.unshared = append(all.tables, one.tables...), all.unshared || one.unshared
	}
	return all
}

// ask asks one sibling.
func (d *Driver) ask(ctx context.Context, plan engine.Plan, m engine.PlanMember) (one lesson, err error) {
	client, err := d.sibling(m)
	if err != nil {
		return one, err
	}
	has := 0
	err = each(ctx, client, "SELECT engine FROM system.databases WHERE name IN ("+databases(plan)+")",
		func(rows driver.Rows) error {
			var engine string
			err := rows.Scan(&engine)
			has, one.unshared = has+1, one.unshared || engine != "Replicated"
			return err
		})
	if err != nil || has < len(plan.Databases) {
		return lesson{}, err
	}
	one.teachers = 1
	one.tables, err = tables(ctx, client, plan)
	return one, err
}

// makeDatabases makes those of the plan.
func (d *Driver) makeDatabases(ctx context.Context, plan engine.Plan, shared bool) error {
	for _, database := range plan.Databases {
		create := clickhouse.CreateDatabase(database.Name, shared)
		err := d.client.Exec(ctx, create)
		if shared && isTaken(err) { // by a former life, whose volume is gone
			forget := clickhouse.DropDatabaseReplica(clickhouse.DatabasePath(plan, database.Name), d.owner(plan))
			if err = d.client.Exec(ctx, forget); err == nil {
				err = d.client.Exec(ctx, create)
			}
		}
		if err != nil {
			return fmt.Errorf("making database %s: %w", database.Name, err)
		}
	}
	return nil
}

// databases are those of the plan as a list of a statement.
func databases(plan engine.Plan) string {
	var names []string
	for _, database := range plan.Databases {
		names = append(names, clickhouse.Text(database.Name))
	}
	if len(names) == 0 {
		return "''"
	}
	return strings.Join(names, ", ")
}

func tables(ctx context.Context, client driver.Conn, plan engine.Plan) (all []clickhouse.Table, err error) {
	query := "SELECT database, name, engine, create_table_query FROM system.tables WHERE database IN (" +
		databases(plan) + ") ORDER BY database, name"
	err = each(ctx, client, query, func(rows driver.Rows) error {
		var t clickhouse.Table
		if err := rows.Scan(&t.Database, &t.Name, &t.Engine, &t.Create); err != nil {
			return err
		}
		all = append(all, t)
		return nil
	})
	return all, err
}
